import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { addMs, DAY } from '#domain/time.ts';
import { makeIncident, makeUpdate } from '../support/factory.ts';
import { makeHarbour } from '../support/harbour.ts';
import { type Answered, ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** A page that cannot be made while all the rest can: an old incident's record is damaged, and only its month shows it. */
let folder: string;
let db: Db;
let server: TestServer;
let month: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-broken-'));
  db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  const now = new Date().toISOString();
  await migrate(db, now);
  await makeHarbour(db, { now, open: 1 });
  const at = addMs(now, -200 * DAY);
  const over = { started_at: at, published_at: at, resolved_at: at, status: 'resolved' as const };
  const old = await makeIncident(db, { title: 'Long over', ...over });
  await makeUpdate(db, old.seq, { posted_at: at, component_changes: 'torn' });
  month = `/history/${at.slice(0, 7)}`;
  server = await startServer({ dataDir: folder });
});
afterAll(async () => {
  await server?.kill();
  await db?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const textOf = ({ body }: Answered) =>
  body
    .replace(/<(style|script)\b[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

it.each([
  ['', 'en', 'This page could not be shown.', 'Status now'],
  ['/de', 'de', 'Diese Seite ließ sich nicht anzeigen.', 'Status jetzt'],
  ['/ar', 'ar', 'تعذّر عرض هذه الصفحة.', 'الحالة الآن'],
])(
  'says in the language of the address that it could not be made, and how things are (%s)',
  async (start, lang, heading, now) => {
    const path = start + month;
    const answer = await ask(server.url, path);
    expect([answer.status, answer.headers['cache-control']]).toEqual([500, 'no-store']);
    expect(answer.body).toContain(`<html lang="${lang}"`);
    expect(answer.body).toContain(`<a href="${start || '/'}">${now}</a>`);
    const text = textOf(answer);
    expect(text).toContain(heading);
    expect(text).toContain('Checkout is failing for some customers');
    expect(text).not.toMatch(/JSON|SQL|Error|token|torn| at \w+ \(/);
    expect(answer.headers['content-security-policy']).not.toContain('unsafe');
    // Whoever comes a moment later, while it is left alone, is told the same; nothing of it is kept.
    const next = await ask(server.url, path);
    expect([next.status, next.headers['cache-control']]).toEqual([500, 'no-store']);
    for (const part of [heading, 'Checkout is failing for some customers'])
      expect(textOf(next)).toContain(part);
    expect(next.body).toContain(`<html lang="${lang}"`);
    expect(server.logs.join('\n')).toContain(path);
  },
);

it('is the only one: what else there is stands', async () => {
  for (const path of ['/', '/history', '/de/history', '/subscribe'])
    expect([path, (await ask(server.url, path)).status]).toEqual([path, 200]);
});

it('made for one visitor alone it says as much, and without a database what was last known', async () => {
  await ask(server.url, '/');
  const rename = (from: string, to: string) =>
    db.write((tx) => tx.schema.alterTable(from).renameTo(to).execute());
  await rename('component_groups', 'component_groups_away');
  for (const [path, heading, said] of [
    ['/subscribe', 'This page could not be shown.', 'As of'],
    ['/de/subscribe', 'Diese Seite ließ sich nicht anzeigen.', 'Stand'],
  ] as const) {
    const answer = await ask(server.url, path);
    expect([answer.status, answer.headers['cache-control']]).toEqual([500, 'no-store']);
    expect(textOf(answer)).toContain(heading);
    expect(textOf(answer)).toMatch(
      new RegExp(`${said} \\d\\d:\\d\\d UTC\\s+Checkout is failing for some customers`),
    );
  }
  await rename('component_groups_away', 'component_groups');
});
