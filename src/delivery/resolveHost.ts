import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** How long a name may take in all, its four questions included. */
const DEADLINE_MS = 5_000;
/** One question; asked twice. */
const QUESTION_MS = 1_500;
const TRIES = 2;

/**
 * Finds the addresses of hosts that anyone may have named. By questions of our own to the name servers, not by `dns.lookup`: that is the
 * system's getaddrinfo in libuv's pool of threads, of which four at most may wait for slow work, and the mail's own lookups wait in the same
 * line. Whoever subscribes webhooks under names that nobody answers for would hold all of them for minutes, at the next SEV1. A question
 * is a socket that waits, so there may be many, and each ends at its deadline.
 *
 * What the system knows besides still holds: /etc/hosts and `localhost`; and where calls may lead into a private network, a name that the
 * servers do not know is asked of the system (search domains, mDNS), one at a time, so that it costs one thread of the four at most.
 */
export function createResolveHost({
  allowPrivate,
  servers,
  hostsFile = process.platform === 'win32'
    ? `${process.env.SystemRoot}\\System32\\drivers\\etc\\hosts`
    : '/etc/hosts',
  deadlineMs = DEADLINE_MS,
  bySystem = lookupAll,
}: {
  allowPrivate: boolean;
  /** In place of the system's name servers. */
  servers?: readonly string[];
  hostsFile?: string;
  deadlineMs?: number;
  /** The system's own way, for names of a private network. */
  bySystem?: (host: string) => Promise<string[]>;
}): (host: string) => Promise<string[]> {
  /** The system is asked about one name at a time. */
  let asking = false;

  return async (host) => {
    const name = host.replace(/\.$/, '').toLowerCase();
    if (isIP(name)) return [name];
    const known = await readHosts(hostsFile, name);
    if (known.length) return known;
    if (/(^|\.)localhost$/.test(name)) return ['127.0.0.1', '::1'];
    try {
      return await question(name, { servers, deadlineMs });
    } catch (error) {
      if (!allowPrivate || asking || (error as NodeJS.ErrnoException).code !== 'ENOTFOUND') throw error;
      asking = true;
      const asked = bySystem(host).finally(() => {
        asking = false;
      });
      return withDeadline(asked, deadlineMs, () => undefined);
    }
  };
}

/** IPv4 and IPv6 at once. A name of one kind alone has no address of the other; one that is not answered for in time is left out. */
async function question(
  name: string,
  { servers, deadlineMs }: { servers?: readonly string[]; deadlineMs: number },
): Promise<string[]> {
  // One for each name, so that its questions can be ended; it reads anew who the name servers are.
  const resolver = new Resolver({ timeout: QUESTION_MS, tries: TRIES });
  if (servers) resolver.setServers(servers);
  const timer = setTimeout(() => resolver.cancel(), deadlineMs);
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  clearTimeout(timer);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (found.length) return found;
  const codes = answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : ''));
  // Only when the servers said so of both is there no such host; else it is not known.
  const isUnknown = codes.every((code) => code === 'ENOTFOUND' || code === 'ENODATA');
  throw failure(name, isUnknown ? 'ENOTFOUND' : 'EAI_AGAIN');
}

/** The addresses that a line of the hosts file gives to this name. */
async function readHosts(file: string, name: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return isIP(address) && names.some((one) => one.toLowerCase() === name) ? [address] : [];
  });
}

async function lookupAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** What is asked goes on; whoever waits does not. */
function withDeadline<T>(asked: Promise<T>, ms: number, end: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      end();
      reject(failure('', 'EAI_AGAIN'));
    }, ms);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** As the system's own lookup says it. */
function failure(name: string, code: 'ENOTFOUND' | 'EAI_AGAIN'): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code} ${name}`), { code });
}
