import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessOf, OPEN_ROUTES, withoutNames } from '#auth/routes.ts';
import { LOCALES } from '#i18n/locales.ts';
import { isOffered } from '#i18n/paths.ts';
import { listPublicPaths } from '#services/publicPaths.ts';
import { isShared } from '../../src/server/cache/paths.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { faultsOf, filesBelow } from './exported.ts';
import { type Furnished, pathOf } from './furnished.ts';
import { ask } from './http.ts';
import type { TestServer } from './server.ts';

/** What a client may ask for: every format that one could answer with. */
const ACCEPTS = [
  'text/html',
  'application/json',
  'application/atom+xml, application/rss+xml',
  'text/calendar',
  '*/*',
];

/** The first word of each secret text, as something that finds them all: nothing that is made by chance is as long. */
export function markOf(secrets: Readonly<Record<string, string>>): RegExp {
  const words = Object.entries(secrets).map(([field, text]) => {
    const word = /zq[a-z]+/i.exec(text)?.[0];
    if (!word) throw new Error(`${field} has no word of its own: begin it with zq.`);
    return word;
  });
  return new RegExp(words.join('|'), 'gi');
}

/**
 * Every address that answers someone without a session, in every language that it has: each route that the list or the folder knows, so
 * that a new one is walked by itself; what records say is there; personal links; and every one that takes an id with each of `secrets`.
 */
export async function publicDoors(house: Furnished, secrets: readonly string[] = []): Promise<string[]> {
  const patterns = new Set([...Object.keys(OPEN_ROUTES), ...routePatterns().map(withoutNames)]);
  const open = [...patterns].filter((pattern) => accessOf(pattern) !== 'session');
  const ctx = house.foghorn.contextFor({ kind: 'visitor' });
  const { paths } = await listPublicPaths(ctx);
  const bare = new Set([
    ...open.flatMap((pattern) => [
      pathOf(pattern, house.ids),
      ...secrets.map((id) => pathOf(pattern, filledWith(id, house.ids))),
    ]),
    ...paths,
    ...secrets.map((id) => `/api/v2/incidents/${id}.json`),
    ...Object.values(house.links),
    '/api/v2/summary.json?callback=x',
    '/badge.svg?style=flat',
    `/${'x'.repeat(12)}`,
  ]);
  return [...bare].flatMap((path) => [
    path,
    ...(isOffered(path) ? Object.keys(LOCALES).map((locale) => `/${locale}${path === '/' ? '' : path}`) : []),
  ]);
}

/** In every parameter this id. */
function filledWith(id: string, ids: Furnished['ids']): Furnished['ids'] {
  return Object.fromEntries(Object.keys(ids).map((parameter) => [parameter, id]));
}

/** What stands behind these doors, by door: all that is answered, headers too, whatever is asked for. */
export async function openDoors(
  server: TestServer,
  doors: readonly string[],
): Promise<{ door: string; status: number; text: string }[]> {
  const read = [];
  // Of what is the same for everyone nothing of a request decides but its path.
  for (const door of doors)
    for (const accept of isShared(door) ? ACCEPTS.slice(0, 1) : ACCEPTS) {
      const { body, headers, status } = await ask(server.url, door, { headers: { accept } });
      read.push({ door: `${door} (${accept})`, status, text: `${JSON.stringify(headers)}\n${body}` });
    }
  return read;
}

/** Every file of a static copy, by its path: what anyone may read where Foghorn itself is not there. */
export function readCopy(folder: string): { door: string; text: string }[] {
  // What is compressed beside a file says what that says.
  const faults = faultsOf(folder);
  if (faults.length) throw new Error(faults.join('\n'));
  return filesBelow(folder)
    .filter((file) => !/\.(br|gz|png)$/.test(file))
    .map((file) => ({
      door: `the copy's ${file}`,
      text: `${file}\n${readFileSync(join(folder, file), 'utf8')}`,
    }));
}

/** Where a mark stands: once each. */
export function findMarks(read: readonly { door: string; text: string }[], mark: RegExp): string[] {
  return [
    ...new Set(
      read.flatMap(({ door, text }) => [...text.matchAll(mark)].map(([found]) => `${door}: ${found}`)),
    ),
  ];
}
