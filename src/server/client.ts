import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * Whose request it is, past `trustedHops` proxies of our own. Each proxy appends the address that it saw to X-Forwarded-For, so
 * only the last `trustedHops` entries are to be believed: the visitor is the entry that the outermost of them wrote. With 0 hops the
 * header is ignored, because anyone can send it.
 */
export function clientAddress(request: IncomingMessage, trustedHops: number): string {
  const remote = plain(request.socket.remoteAddress ?? '');
  if (trustedHops === 0) return remote;
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((part) => plain(part.trim()))
    .filter(Boolean);
  const seen = forwarded.at(-Math.min(trustedHops, forwarded.length));
  return seen && isIP(seen) ? seen : remote;
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** A request that came straight from this machine, not through a proxy on it. */
export function isDirectLoopback(request: IncomingMessage): boolean {
  const { headers } = request;
  const forwarded = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'].some(
    (name) => name in headers,
  );
  return !forwarded && isLoopback(plain(request.socket.remoteAddress ?? ''));
}

/** Without the IPv4-in-IPv6 prefix, brackets and port. */
function plain(address: string): string {
  const bracketed = /^\[([^\]]+)\](:\d+)?$/.exec(address);
  if (bracketed) return bracketed[1] as string;
  const mapped = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return mapped.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
}
