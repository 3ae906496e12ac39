import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { makeGreek } from './greek.ts';
import { strayIn, strayWords, wordsOf } from './strayWords.ts';

let folder: string;
let db: Db;
let server: TestServer;
let paths: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-languages-'));
  db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  const now = new Date().toISOString();
  await migrate(db, now);
  paths = await makeGreek(db, now);
  server = await startServer({ dataDir: folder, env: { LANGUAGES: 'en, de, ar, en-XA' } });
});

afterAll(async () => {
  await server?.stop();
  await db?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(server.url + path, { headers, redirect: 'manual' });
const at = (locale: string, path: string) => (path === '/' ? `/${locale}` : `/${locale}${path}`);

describe('every word of a public page', () => {
  it('comes from the catalogue: no page has any other', async () => {
    const stray: string[] = [];
    for (const path of paths) {
      const html = await (await get(at('en-XA', path))).text();
      expect(wordsOf(html).length).toBeGreaterThan(15);
      stray.push(...strayWords(html).map((text) => `${path}: ${text}`));
    }
    expect(stray).toEqual([]);
  });

  it('is found when it comes from elsewhere', () => {
    expect(strayIn('⟦Since ⟧12 ნოე, 15:30 UTC')).not.toMatch(/[A-Za-z]/);
    expect(strayIn('⟦Since ⟧major outage')).toMatch(/[A-Za-z]/);
  });
});

describe('a language', () => {
  it('has each page at an address of its own, in its own direction, kept as the others are', async () => {
    for (const path of paths)
      for (const [locale, start] of [
        ['de', '<html lang="de">'],
        ['ar', '<html lang="ar" dir="rtl">'],
      ] as const) {
        const answer = await get(at(locale, path), { 'accept-language': 'fr' });
        const html = await answer.text();
        expect(html).toContain(start);
        expect(answer.status).toBe(path === '/nothing' ? 404 : 200);
        expect(answer.headers.get('cache-control')).toContain('s-maxage=5');
        expect(answer.headers.get('vary')).toBe('accept-encoding');
        expect(answer.headers.has('x-foghorn-version')).toBe(false);
        // Whoever reads on stays in the language.
        const links = [...html.matchAll(/<a\b[^>]*href="(\/[^"#]*)"[^>]*>/g)].filter(
          ([tag, href]) => !tag.includes('hreflang') && !/\.(atom|rss|ics|json)$/.test(href as string),
        );
        expect(links.length).toBeGreaterThan(3);
        for (const [, href] of links) expect(href).toMatch(new RegExp(`^/${locale}(/|$)`));
      }
  });

  it('is chosen by the address alone', async () => {
    const plain = await (await get('/')).text();
    expect(await (await get('/', { 'accept-language': 'de' })).text()).toBe(plain);
    expect(plain).toContain('<html lang="en">');
  });

  it('is named in the head of each page, and in its foot', async () => {
    for (const path of ['/history', '/de/history']) {
      const html = await (await get(path)).text();
      const alternates = [...html.matchAll(/<link rel="alternate" hreflang="([^"]+)" href="([^"]+)"/g)];
      expect(alternates.map(([, lang, href]) => `${lang} ${href?.slice(server.url.length)}`)).toEqual(
        ['en /history', 'de /de/history', 'ar /ar/history', 'en-XA /en-XA/history', 'x-default /history'].map(
          (one) => one.replace('/history', `/history/${new Date().toISOString().slice(0, 7)}`),
        ),
      );
      expect(html).toMatch(/<a hreflang="ar" href="\/ar\/history[^"]*" lang="ar">العربية<\/a>/);
    }
    expect(await (await get('/de')).text()).toContain(`<link rel="canonical" href="${server.url}/de">`);
  });

  it('reaches no page that is not offered in it, and no other path to one that is', async () => {
    expect((await get('/en/history')).headers.get('location')).toBe('/history');
    for (const path of [
      '/de/admin',
      '/de/admin/login',
      '/de/api/v2/status.json',
      '/de/embed/status.js',
      '/fr',
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    expect(await (await get('/de/admin')).text()).toContain('Unter dieser Adresse gibt es nichts.');
    expect((await get('/de/')).headers.get('location')).toBe('/de');
    expect((await get('/de/%61dmin')).status).toBe(404);
  });

  it('stays when a page leads to another', async () => {
    const maintenance = paths.find((path) => path.startsWith('/maintenance/')) as string;
    const wrong = maintenance.replace('maintenance', 'incidents');
    expect((await get(`/de${wrong}`)).headers.get('location')).toBe(`/de${maintenance}`);
    expect((await get(wrong)).headers.get('location')).toBe(maintenance);
  });

  it('closes to crawlers what is personal in every language', async () => {
    const robots = await (await get('/robots.txt')).text();
    for (const path of [
      '/unsubscribe/',
      '/de/unsubscribe/',
      '/ar/subscription/',
      '/de/confirm/',
      '/de/webhook/',
    ])
      expect(robots).toContain(`Disallow: ${path}\n`);
  });

  it('is not that of machines', async () => {
    expect(await (await get('/api/v2/summary.json')).text()).toContain('"Major System Outage"');
  });
});

describe('what other people’s pages show', () => {
  const parts = async () => {
    const [component, group] = await db.read(async (tx) => [
      await tx.selectFrom('components').select('id').where('name', '=', 'Ταμείο').executeTakeFirstOrThrow(),
      await tx.selectFrom('component_groups').select('id').executeTakeFirstOrThrow(),
    ]);
    return ['', `/${component!.id}`, `/${group!.id}`];
  };

  it('has each word from the catalogue: frame, badge, and all that the element says', async () => {
    const stray: string[] = [];
    for (const part of await parts()) {
      const frame = await (await get(`/en-XA/embed/frame${part}`)).text();
      expect(frame).toContain('<html lang="en-XA">');
      stray.push(...strayWords(frame));
      const badge = await (await get(`/en-XA/badge${part}.svg`)).text();
      expect(badge).toContain('lang="en-XA"');
      stray.push(...strayWords(badge));
      const data = await (await get(`/en-XA/embed${part || '/status'}.json`)).json();
      const { lead, text, label, words, also, lang, tag } = data;
      expect([lang, tag]).toEqual(['en-XA', 'ka']);
      const spoken = [lead ?? '', text, label, ...(words.next ?? []), ...words.as_of];
      for (const one of [...spoken, ...also.map((each: { status: string }) => each.status)])
        stray.push(...(/[A-Za-z]/.test(strayIn(one)) ? [one] : []));
    }
    expect(stray).toEqual([]);
  });

  it('is at an address of its own in each, kept and told apart as in the first, and leads to pages of its language', async () => {
    for (const [locale, dir] of [
      ['de', 'ltr'],
      ['ar', 'rtl'],
    ] as const)
      for (const part of await parts()) {
        const [frame, data, badge] = await Promise.all([
          get(`/${locale}/embed/frame${part}`, { 'accept-language': 'fr' }),
          get(`/${locale}/embed${part || '/status'}.json`),
          get(`/${locale}/badge${part}.svg`),
        ]);
        for (const answer of [frame, data, badge]) {
          expect(answer.status).toBe(200);
          expect(answer.headers.get('cache-control')).toContain('s-maxage=5');
          expect(answer.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
          const again = await get(answer.url.slice(server.url.length), {
            'if-none-match': answer.headers.get('etag') as string,
          });
          expect(again.status).toBe(304);
        }
        expect(frame.headers.get('content-security-policy')).toContain('frame-ancestors *');
        const html = await frame.text();
        expect(html).toContain(
          dir === 'rtl' ? `<html lang="${locale}" dir="rtl">` : `<html lang="${locale}">`,
        );
        for (const [, href] of html.matchAll(/<a href="([^"]*)"/g))
          expect(href).toMatch(new RegExp(`^${server.url}/${locale}(/|$)`));
        const said = await data.json();
        expect([said.lang, said.dir]).toEqual([locale, dir]);
        for (const { url } of [said, ...said.also])
          expect(url).toMatch(new RegExp(`^${server.url}/${locale}(/|$)`));
      }
  });

  it('finds nothing where there is nothing, in its language', async () => {
    const frame = await get('/de/embed/frame/nothing');
    expect([frame.status, await frame.text()]).toEqual([
      404,
      expect.stringContaining('Unter dieser Adresse gibt es nichts.'),
    ]);
    expect((await get('/de/embed/nothing.json')).status).toBe(404);
    expect((await get('/de/badge/nothing.svg')).status).toBe(404);
  });
});

it('what was typed runs its own way on a page that runs the other', async () => {
  const html = await (await get('/ar')).text();
  expect(html).toMatch(/<a href="\/ar\/components\/\w+" dir="auto">Ταμείο<\/a>/);
  expect(html).toMatch(/<div class="md" dir="auto">/);
  expect(await (await get('/de')).text()).not.toContain('dir="auto"');
});

it('the first language that the owner names has the plain addresses', async () => {
  const other = await startServer({ dataDir: folder, env: { LANGUAGES: 'de,en' } });
  try {
    const html = await (await fetch(other.url)).text();
    expect(html).toContain('<html lang="de">');
    expect(html).toContain('href="/en"');
    expect(await (await fetch(`${other.url}/en`)).text()).toContain('<html lang="en">');
    expect((await fetch(`${other.url}/ar`)).url).toBe(`${other.url}/`);
    expect(await (await fetch(`${other.url}/embed/frame`)).text()).toContain('<html lang="de">');
    const { lang, languages } = await (await fetch(`${other.url}/embed/status.json`)).json();
    expect([lang, languages]).toEqual(['de', ['de', 'en']]);
    // What other people's pages show goes on, in the first language, when theirs is offered no more.
    const gone = await fetch(`${other.url}/ar/embed/status.json`, { redirect: 'manual' });
    expect([gone.headers.get('location'), gone.headers.get('access-control-allow-origin')]).toEqual([
      '/embed/status.json',
      '*',
    ]);
  } finally {
    await other.stop();
  }
});
