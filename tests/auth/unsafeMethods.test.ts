import { describe, expect, it } from 'vitest';
import type { Access } from '#auth/routes.ts';
import { unsafeMethodProblem } from '#auth/unsafeMethods.ts';

const SITE = 'https://status.example.com';
const ACCESSES: readonly Access[] = ['public', 'machine', 'signIn', 'bearer', 'session'];

/** What a browser or a program sends, and on which routes it may act. */
const MATRIX: [headers: Record<string, string>, mayActOn: readonly Access[]][] = [
  [{ 'sec-fetch-site': 'same-origin', origin: SITE }, ACCESSES],
  [{ 'sec-fetch-site': 'same-origin' }, ACCESSES],
  [{ 'sec-fetch-site': 'none' }, ACCESSES],
  [{ origin: SITE }, ACCESSES],
  [{}, ['public', 'machine', 'bearer']],
  [{ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, ['machine', 'bearer']],
  [{ 'sec-fetch-site': 'cross-site' }, ['machine', 'bearer']],
  [{ 'sec-fetch-site': 'cross-site', origin: SITE }, ['machine', 'bearer']],
  [{ 'sec-fetch-site': 'same-site', origin: 'https://blog.example.com' }, ['machine', 'bearer']],
  [{ 'sec-fetch-site': 'same-site' }, ['machine', 'bearer']],
  [{ 'sec-fetch-site': 'something-new' }, ['machine', 'bearer']],
  [{ 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }, ['machine', 'bearer']],
  [{ origin: 'https://evil.example' }, ['machine', 'bearer']],
  [{ origin: 'null' }, ['machine', 'bearer']],
  [{ origin: '' }, ['machine', 'bearer']],
  [{ origin: 'http://status.example.com' }, ['machine', 'bearer']],
  [{ origin: 'https://status.example.com:8443' }, ['machine', 'bearer']],
  [{ origin: 'https://status.example.com.evil.example' }, ['machine', 'bearer']],
  [{ origin: 'https://evilstatus.example.com' }, ['machine', 'bearer']],
  [{ origin: 'https://status.example.com/' }, ['machine', 'bearer']],
  [{ origin: 'https://STATUS.example.com' }, ['machine', 'bearer']],
  [{ origin: 'http://localhost:4321', host: 'localhost:4321' }, ['machine', 'bearer']],
  [{ origin: 'https://evil.example', host: 'evil.example' }, ['machine', 'bearer']],
];

describe('an unsafe method', () => {
  for (const [headers, mayActOn] of MATRIX)
    for (const access of ACCESSES)
      for (const cookie of ['', `__Host-session=${'a'.repeat(40)}`])
        it(`${JSON.stringify(headers)} ${cookie ? 'with' : 'without'} a cookie on a ${access} route`, () => {
          for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'post']) {
            const problem = unsafeMethodProblem({
              method,
              headers: new Headers({ ...headers, ...(cookie && { cookie }) }),
              siteUrl: SITE,
              access,
            });
            if (mayActOn.includes(access)) expect(problem, method).toBeNull();
            else expect(problem, method).toMatch(/not acted on\.$/);
          }
        });

  it('is not what GET, HEAD and OPTIONS are: those change nothing and pass', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      expect(
        unsafeMethodProblem({
          method,
          headers: new Headers({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }),
          siteUrl: SITE,
          access: 'session',
        }),
      ).toBeNull();
  });
});

describe('while SITE_URL is a loopback name', () => {
  it.each([
    ['http://localhost:4321', 'http://localhost:4321', 'localhost:4321', true],
    ['http://localhost:4321', 'http://127.0.0.1:4321', '127.0.0.1:4321', true],
    ['http://localhost:4321', 'http://[::1]:4321', '[::1]:4321', true],
    ['http://127.0.0.1:4321', 'http://localhost:4321', 'localhost:4321', true],
    ['http://localhost:4321', 'http://127.0.0.1:4321', 'localhost:4321', false],
    ['http://localhost:4321', 'http://127.0.0.1:4322', '127.0.0.1:4322', false],
    ['http://localhost:4321', 'https://127.0.0.1:4321', '127.0.0.1:4321', false],
    ['http://localhost:4321', 'http://localhost.evil.example:4321', 'localhost.evil.example:4321', false],
    ['http://localhost:4321', 'http://192.168.0.7:4321', '192.168.0.7:4321', false],
    ['https://status.example.com', 'http://127.0.0.1:4321', '127.0.0.1:4321', false],
    ['http://status.example.com:4321', 'http://127.0.0.1:4321', '127.0.0.1:4321', false],
  ])('SITE_URL %s, Origin %s, Host %s: %s', (siteUrl, origin, host, passes) => {
    const problem = unsafeMethodProblem({
      method: 'POST',
      headers: new Headers({ origin, host, 'sec-fetch-site': 'same-origin' }),
      siteUrl,
      access: 'session',
    });
    expect(problem === null).toBe(passes);
  });
});
