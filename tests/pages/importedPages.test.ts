import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '#db/open.ts';
import { escapeHtml } from '#emails/template.ts';
import { foghorn, scratch } from '../cli/support.ts';
import { untidySource } from '../services/statuspageImportFixture.ts';
import { ask } from '../support/http.ts';
import { startServer } from '../support/server.ts';

/** What another status page's history looks like once it is here: every page of it, as the built server serves it. */

it('an untidy export: the page, every month and every incident are there to be read', async () => {
  const folder = join(scratch(), 'export');
  mkdirSync(folder);
  const { page, components, incidents, maintenances } = untidySource();
  writeFileSync(join(folder, 'components.json'), JSON.stringify({ page, components }));
  writeFileSync(
    join(folder, 'incidents.json'),
    JSON.stringify({ page, incidents, scheduled_maintenances: maintenances }),
  );
  const shown = await importAndVisit(folder);
  expect(shown).toMatchObject({ incidents: 9, listed: 9 });
  expect(shown.front).toContain('Payments');
});

const REAL = process.env.FOGHORN_REAL_DATA;
const left = 'a large real export: NOT RUN, because FOGHORN_REAL_DATA names no folder of one';
if (!REAL) console.warn(left);
it.skipIf(!REAL)(REAL ? `the export in ${REAL}: every page of it` : left, async () => {
  const folder = join(scratch(), 'export');
  cpSync(REAL as string, folder, { recursive: true });
  const shown = await importAndVisit(folder);
  expect(shown.incidents).toBeGreaterThan(0);
  expect(shown.listed).toBe(shown.incidents);
  console.info(`${shown.incidents} incidents on ${shown.months} months, imported in ${shown.took}`);
});

/** Imports with the real command, then asks the built server for each page that the history now has. */
async function importAndVisit(folder: string) {
  const dataDir = scratch();
  const ran = await foghorn(dataDir, ['import', 'statuspage', folder]);
  expect(ran.code, ran.said).toBe(0);
  const db = await openDatabase(`sqlite:${join(dataDir, 'foghorn.db')}`);
  onTestFinished(db.close);
  const incidents = await db.read((tx) =>
    tx.selectFrom('incidents').select(['seq', 'id', 'kind', 'title', 'status']).execute(),
  );
  const updates = await db.read((tx) => tx.selectFrom('updates').select(['incident_seq']).execute());
  const server = await startServer({ dataDir });
  onTestFinished(async () => void (await server.stop()));
  const read = async (path: string) => {
    const { status, body } = await ask(server.url, path);
    expect(status, path).toBe(200);
    return body;
  };

  const front = await read('/');
  const months = new Set<string>();
  const listed = new Set<string>();
  for (const path of ['/history', ...linksIn(await read('/history'), /"(\/history\/\d{4}-\d\d)"/g)]) {
    months.add(path);
    for (const link of linksIn(await read(path), /"(\/(?:incidents|maintenance)\/[^"]+)"/g)) listed.add(link);
  }
  for (const { seq, id, kind, title, status } of incidents) {
    const path = `/${kind === 'maintenance' ? 'maintenance' : 'incidents'}/${id}`;
    const body = await read(path);
    expect(body, path).toContain(escapeHtml(title));
    const said = updates.filter((update) => update.incident_seq === seq).length;
    expect(body.match(/<li id="u-/g) ?? [], path).toHaveLength(said);
    // What is still to come stands on the front page, not in a month that is past.
    if (kind === 'maintenance' && status === 'scheduled') listed.add(path);
    expect(listed, path).toContain(path);
  }
  const took = /It took (\S+ s)\./.exec(ran.out)?.[1];
  return { front, incidents: incidents.length, listed: listed.size, months: months.size, took };
}

function linksIn(body: string, pattern: RegExp): string[] {
  return [...body.matchAll(pattern)].map((found) => found[1] as string);
}
