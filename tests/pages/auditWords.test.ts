import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AUDIT_WORDS, auditDetail, auditWords } from '../../src/pages/admin/_audit.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The rooms that write audit rows. */
const ROOMS = ['src/services/', 'src/auth/', 'src/delivery/commonFault.ts'];
const SOURCES = ['src', 'db', 'emails'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|astro)$/.test(file))
    .map((file) => ({ path: `${folder}/${file}`, text: readFileSync(join(ROOT, folder, file), 'utf8') })),
);
/** Written as actions are, but no action. What is missing here fails the test, so that no action can hide among them. */
const NO_ACTIONS = ['foghorn.briefLimits', 'foghorn.door', 'foghorn.feedLimits', 'foghorn.subscribeLimits'];

const NAME = /'([a-z]+\.[a-z][A-Za-z]*)'/g;
const namesIn = (text: string) => [...text.matchAll(NAME)].map((match) => match[1] as string);
const permissions = new Set(namesIn(readFileSync(join(ROOT, 'src/domain/permissions.ts'), 'utf8')));

/** Every name of an action in the rooms: a permission is one only where it stands as one. */
function actionsWritten(): Set<string> {
  const found = new Set<string>();
  for (const { path, text } of SOURCES) {
    if (!ROOMS.some((room) => path.startsWith(room))) continue;
    for (const name of namesIn(text)) if (!permissions.has(name)) found.add(name);
    for (const [said] of text.matchAll(
      /\b(?:action:|audit\()[^;{}]*?'[a-z]+\.[A-Za-z]+'(?:\s*:\s*'[a-z]+\.[A-Za-z]+')?/g,
    ))
      for (const name of namesIn(said)) found.add(name);
  }
  for (const name of NO_ACTIONS) found.delete(name);
  return found;
}

it('knows every room that writes audit rows', () => {
  const writing = SOURCES.filter(({ path, text }) => path !== 'db/audit.ts' && text.includes('insertAudit('));
  expect(writing.length).toBeGreaterThan(15);
  expect(writing.filter(({ path }) => !ROOMS.some((room) => path.startsWith(room)))).toEqual([]);
});

it('has words for every action that is written anywhere, and for no other', () => {
  const written = actionsWritten();
  expect(written).toContain('incident.declare');
  expect(written).toContain('component.setStatus');
  expect(Object.keys(AUDIT_WORDS).sort()).toEqual([...written].sort());
  expect(new Set(Object.values(AUDIT_WORDS)).size).toBe(written.size);
});

it('spells out what another version wrote', () => {
  expect(auditWords('incident.declare')).toBe('Declared an incident');
  expect(auditWords('gate.openWide')).toBe('Gate: open wide');
});

it('says the detail in one line, without what is empty', () => {
  expect(auditDetail({ text: 'Declared as SEV1', note: null, count: 3 })).toBe('Declared as SEV1, count 3');
  expect(auditDetail({ from: 'viewer', to: 'comms' })).toBe('from viewer, to comms');
  expect(auditDetail({})).toBe('');
});
