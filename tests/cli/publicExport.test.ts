import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { saveAccess } from '#auth/pageAccess.ts';
import { readConfig } from '#config';
import { createComponent } from '#services/components.ts';
import { openFoghorn, prepareFoghorn } from '../../src/foghorn.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { faultsOf, listingOf } from '../support/exported.ts';
import { ask } from '../support/http.ts';
import { startServer } from '../support/server.ts';
import { foghorn, scratch } from './support.ts';

async function installation(database?: string) {
  const dir = scratch();
  const env: Record<string, string> = {
    SITE_URL: 'https://status.example.com',
    ...(database ? { DATABASE_URL: database } : {}),
  };
  const open = await openFoghorn(readConfig({ DATA_DIR: dir, LOG_LEVEL: 'silent', ...env }));
  onTestFinished(() => open.close());
  await prepareFoghorn(open);
  const ctx = open.contextFor({ kind: 'system', name: 'test' });
  const { id } = await createComponent(ctx, { name: 'Checkout' });
  return { dir, ctx, id, env, run: (...args: string[]) => foghorn(dir, ['export', ...args], '', env) };
}

eachDatabaseUrl('export <folder>', (place) => {
  it('writes everything public as plain files, without a server; again, in its place', async () => {
    const { dir, ctx, id, env, run } = await installation(await place());
    const first = await run('site');
    const folder = join(dir, 'site');
    const { files, answers } = listingOf(folder);
    expect(first).toEqual({ code: 0, out: `${folder} (${files.length} files)\n`, said: expect.any(String) });
    expect(faultsOf(folder)).toEqual([]);
    for (const file of [
      'index.html',
      'index.html.br',
      'index.html.gz',
      `components/${id}/index.html`,
      `badge/${id}.svg`,
      'api/v2/summary.json',
      'history.atom',
      'calendar.ics',
      'sitemap.xml',
      'robots.txt',
      'share.png',
      'embed/status.js',
      'embed/frame/index.html',
      '404.html',
    ])
      expect(files).toContain(file);
    expect(readFileSync(join(folder, 'sitemap.xml'), 'utf8')).toContain(
      '<loc>https://status.example.com/</loc>',
    );

    const server = await startServer({ dataDir: dir, env: { ...env, FOGHORN_ROLE: 'web' } });
    onTestFinished(async () => void (await server.stop()));
    for (const { path, file } of answers.filter(
      (each) => !/^(\/[a-z]{2})?\/(404|503|api\/404)$/.test(each.path),
    )) {
      const live = await ask(server.url, path, { headers: { host: 'status.example.com' } });
      expect([path, live.status, live.bytes.equals(readFileSync(join(folder, file)))]).toEqual([
        path,
        200,
        true,
      ]);
    }

    const { id: second } = await createComponent(ctx, { name: 'Search' });
    expect((await run('site')).code).toBe(0);
    expect([faultsOf(folder), existsSync(join(folder, `components/${second}/index.html`))]).toEqual([
      [],
      true,
    ]);
    expect(readdirSync(dir).filter((name) => name.includes('site'))).toEqual(['site']);
  });
});

it('leaves a folder alone that holds anything else, and says what it cannot do', async () => {
  const { dir, run } = await installation();
  mkdirSync(join(dir, 'mine'));
  writeFileSync(join(dir, 'mine/notes.txt'), 'mine');
  const refused = await run('mine');
  expect([refused.code, refused.said]).toEqual([1, expect.stringContaining('so it is left alone')]);
  expect(readdirSync(join(dir, 'mine'))).toEqual(['notes.txt']);
  // Nor are the two kinds taken for each other.
  expect((await run('site')).code).toBe(0);
  expect((await run('--private', 'site')).code).toBe(1);
  writeFileSync(join(dir, 'site/mine.html'), 'mine');
  expect((await run('site')).said).toContain('"mine.html"');
  expect((await foghorn(scratch(), ['export', 'site'])).said).toContain('There is no Foghorn database');
});

it('writes nothing of a private page, and leaves what is there', async () => {
  const { dir, ctx, run } = await installation();
  expect((await run('site')).code).toBe(0);
  const before = listingOf(join(dir, 'site'));
  await saveAccess(ctx, { mode: 'signIn', password: '' });
  const { code, said } = await run('site');
  expect(code).not.toBe(0);
  expect(said).toContain('The status page is private');
  expect(listingOf(join(dir, 'site'))).toEqual(before);
});
