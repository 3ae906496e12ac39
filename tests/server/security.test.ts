import { describe, expect, test } from 'vitest';
import { type Answer, headerOf } from '#server/answer.ts';
import { createFaults } from '#server/fallback.ts';
import { cspHash, secured } from '#server/security.ts';

const SITE = 'https://status.example.com';

function html(body: string, csp?: string): Answer {
  const headers: [string, string][] = [['content-type', 'text/html']];
  if (csp) headers.push(['content-security-policy', csp]);
  return { status: 200, headers, body: Buffer.from(body) };
}
const cspOf = (answer: Answer, path = '/') =>
  headerOf(secured(answer, path, SITE), 'content-security-policy') ?? '';

describe('Content-Security-Policy', () => {
  test('what a route said nothing about may do nothing', () => {
    expect(cspOf(html('x'))).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
  });

  test('of the hashes that Astro allows everywhere, a page keeps those that it contains', () => {
    const [used, unused] = [cspHash('p{color:red}'), cspHash('b{color:blue}')];
    const given = `default-src 'none'; script-src 'self' ${cspHash('alert(1)')}; style-src 'self' ${used} ${unused};`;
    const csp = cspOf(html('<style>p{color:red}</style><p>hello', given));
    expect(csp).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' ${used}; frame-ancestors 'none'`,
    );
  });

  test('a tag that someone typed into an attribute or a comment hides no style from it', () => {
    const used = cspHash('p{color:red}');
    for (const before of ['<meta content="<style> x">', "<meta content='<style>'>", '<!--<style>-->'])
      expect(
        cspOf(html(`${before}<style>p{color:red}</style>`, `style-src 'self' ${used}`)),
        before,
      ).toContain(used);
  });

  test('a script that someone smuggled into the page is not allowed by being there', () => {
    const csp = cspOf(html('<script>evil()</script>', "default-src 'none'; script-src 'self'"));
    expect(csp).not.toContain(cspHash('evil()'));
  });

  test('a page in /embed may be framed anywhere, and a route that names its ancestors is believed', () => {
    for (const path of ['/embed/frame', '/de/embed/frame', '/ar/embed/frame/a1'])
      expect(cspOf(html('x'), path)).toContain('frame-ancestors *');
    for (const path of ['/admin/embed/frame', '/fr/embed/frame', '/de/x/embed/frame'])
      expect(cspOf(html('x'), path)).toContain("frame-ancestors 'none'");
    expect(cspOf(html('x', "default-src 'none'; frame-ancestors 'self'"))).toBe(
      "default-src 'none'; frame-ancestors 'self'",
    );
  });

  test("the server's own plain pages show their style under it", async () => {
    const page = await createFaults({ languages: ['en'], lastWord: async () => null, now: () => 0 }).failed(
      '/',
    );
    const style = /<style>(.*)<\/style>/.exec(page.body.toString())?.[1] as string;
    expect(cspOf(page)).toContain(cspHash(style));
    expect(cspOf(page)).not.toContain('unsafe');
  });
});

describe('the other headers', () => {
  test('HSTS only where SITE_URL is https', () => {
    expect(headerOf(secured(html('x'), '/', SITE), 'strict-transport-security')).toMatch(/^max-age=\d+$/);
    expect(
      headerOf(secured(html('x'), '/', 'http://localhost:4321'), 'strict-transport-security'),
    ).toBeNull();
  });

  test('only what is meant for other sites may be read by them', () => {
    const corp = (path: string) => headerOf(secured(html('x'), path, SITE), 'cross-origin-resource-policy');
    for (const path of [
      '/embed/status.js',
      '/badge.svg',
      '/de/badge.svg',
      '/ar/embed/a1.json',
      '/api/v2/summary.json',
    ])
      expect(corp(path)).toBe('cross-origin');
    for (const path of ['/', '/admin', '/api/v1/incidents', '/badge.svg/x', '/de/api/v2/summary.json', '/de'])
      expect(corp(path)).toBe('same-origin');
  });
});
