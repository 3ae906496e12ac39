import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { isShared, normalPath } from '#server/cache/paths.ts';
import { clientAddress, isDirectLoopback } from '#server/client.ts';
import { knownHosts } from '#server/hosts.ts';

function request(remoteAddress: string, headers: Record<string, string> = {}): IncomingMessage {
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

describe('whose request it is', () => {
  const forwarded = { 'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.0.0.2' };
  test.each([
    ['no proxy of ours: the header counts for nothing', 0, '198.51.100.7', forwarded, '198.51.100.7'],
    ['one proxy: what it saw', 1, '10.0.0.1', forwarded, '10.0.0.2'],
    [
      'two proxies: what the outer one saw, not what the visitor claims',
      2,
      '10.0.0.1',
      forwarded,
      '203.0.113.9',
    ],
    ['more hops than entries: the outermost entry', 9, '10.0.0.1', forwarded, '6.6.6.6'],
    ['a proxy that sends no header', 1, '10.0.0.1', {}, '10.0.0.1'],
    ['an entry that is no address', 1, '10.0.0.1', { 'x-forwarded-for': 'unknown' }, '10.0.0.1'],
    ['an entry with a port', 1, '10.0.0.1', { 'x-forwarded-for': '203.0.113.9:4711' }, '203.0.113.9'],
    [
      'IPv6 with brackets and port',
      1,
      '10.0.0.1',
      { 'x-forwarded-for': '[2001:db8::1]:4711' },
      '2001:db8::1',
    ],
    ['IPv4 in IPv6', 0, '::ffff:198.51.100.7', {}, '198.51.100.7'],
  ])('%s', (_, hops, remote, headers, expected) => {
    expect(clientAddress(request(remote, headers), hops)).toBe(expected);
  });

  test('a proxy on this machine is not this machine asking', () => {
    expect(isDirectLoopback(request('127.0.0.1'))).toBe(true);
    expect(isDirectLoopback(request('::1'))).toBe(true);
    expect(isDirectLoopback(request('::ffff:127.0.0.1'))).toBe(true);
    expect(isDirectLoopback(request('198.51.100.7'))).toBe(false);
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-forwarded-host'])
      expect(isDirectLoopback(request('127.0.0.1', { [name]: 'x' }))).toBe(false);
  });
});

describe('the names it answers to', () => {
  test('SITE_URL, with and without its default port, and nothing else when it listens to the world', () => {
    const hosts = knownHosts({ siteUrl: 'https://status.example.com', listensOn: '0.0.0.0', port: 4321 });
    expect([...hosts].sort()).toEqual(['status.example.com', 'status.example.com:443']);
  });

  test('the loopback names while it listens on loopback alone, each with the port', () => {
    const hosts = knownHosts({ siteUrl: 'https://status.example.com', listensOn: 'localhost', port: 4321 });
    for (const host of ['localhost:4321', '127.0.0.1:4321', '[::1]:4321']) expect(hosts.has(host)).toBe(true);
    for (const host of ['localhost', 'localhost:80', '127.0.0.2:4321', ''])
      expect(hosts.has(host)).toBe(false);
  });
});

describe('the path of a request', () => {
  test.each([
    ['/', '/'],
    ['/?a=b', '/'],
    ['/history/2026-11?x=1', '/history/2026-11'],
    ['/%69ncidents/abc', '/incidents/abc'],
    ['//history', '/history'],
    ['/x/../history', '/history'],
    ['/./history', '/history'],
    ['/%2e%2e/history', '/history'],
    ['/\\evil.example/', '/evil.example/'],
    ['/%zz', null],
    ['/%00', null],
    ['/%0d%0aset-cookie:x', null],
    ['*', null],
    ['history', null],
  ])('%j is %j', (target, path) => {
    expect(normalPath(target)).toBe(path);
  });

  test('only pages that are the same for everyone are kept', () => {
    for (const path of [
      '/',
      '/history',
      '/history/2026-11',
      '/incidents/abcdefghijkl',
      '/components/x',
      '/maintenance/x',
      '/api/v2/summary.json',
      '/api/v2/incidents/unresolved.json',
      '/history.atom',
      '/history.rss',
      '/calendar.ics',
      '/sitemap.xml',
      '/logo/0123456789abcdef.svg',
      '/logo/0123456789abcdef.png',
      '/incidents/abcdefghijkl.json',
      '/components/abcdefghijkl.atom',
      '/components/x.rss',
    ])
      expect(isShared(path), path).toBe(true);
    for (const path of [
      '/subscribe',
      '/subscription/token',
      '/confirm/token',
      '/unsubscribe/token',
      '/admin',
      '/admin/incidents/abc',
      '/api/v1/incidents',
      '/api/hooks/resend',
      '/healthz',
      '/incidents',
      '/incidents/a/b',
      '/incidents/a.atom',
      '/components/a.json',
      '/components/a.atom.rss',
      `/incidents/${'a'.repeat(65)}`,
      '/history/2026-11/',
    ])
      expect(isShared(path), path).toBe(false);
  });
});
