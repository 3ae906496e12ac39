import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { serveCopy } from '../support/copies.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { findMarks, markOf, openDoors, publicDoors } from '../support/doors.ts';
import { furnish, signInAs } from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { sendAll, writtenForOutside } from '../support/outsiders.ts';
import { INSIDE, SCREENS, sayItInside } from './insideStory.ts';

const MARK = markOf(INSIDE);

eachDatabaseUrl('what is said inside', (place) => {
  it('is on no public route, in no copy, no format, and in nothing that reaches anyone outside', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foghorn-inside-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const env = { DATABASE_URL: await place() };
    const house = await furnish(folder, env);
    onTestFinished(() => house.foghorn.close());
    const told = await sayItInside(house);
    const sent = await sendAll(house);
    const { server, files: copy } = await serveCopy(house, env, onTestFinished);

    const doors = await publicDoors(house, [told.incident, told.never, told.waits.incident]);
    const read = await openDoors(server, doors);
    expect.soft(findMarks(read, MARK)).toEqual([]);
    expect.soft(findMarks(copy, MARK)).toEqual([]);
    const outside = sent.filter(
      ({ to }) => to !== 'chief@private.example' && !to.endsWith('@staff.example') && !to.includes('pkey'),
    );
    const mails = outside.map(({ to, subject, text }) => ({ door: `to ${to}, ${subject}`, text }));
    expect.soft(findMarks(mails, MARK)).toEqual([]);
    expect.soft(findMarks(await writtenForOutside(house), MARK)).toEqual([]);

    // Each of these was open: what was said of it in public is behind every one.
    const says = (all: readonly { door: string; text: string }[], door: string, words: string) =>
      all.some((one) => one.door.startsWith(door) && one.text.includes(words));
    for (const door of [`/incidents/${told.incident} `, `/ar/incidents/${told.incident} `, '/history.atom '])
      expect(says(read, door, 'All is well.'), door).toBe(true);
    expect(says(read, '/metrics ', 'foghorn_deliveries')).toBe(true);
    expect(says(copy, `the copy's incidents/${told.incident}/index.html`, 'All is well.')).toBe(true);
    expect(new Set(outside.map(({ to }) => to))).toEqual(
      new Set([
        ...told.outsiders.addresses,
        'acme@private.example',
        'anna@private.example',
        'https://hooks.slack.com/services/T0/B0/outside',
        'https://receiver.example/hook',
        'partner@private.example',
        'team@private.example',
        'waiting@private.example',
      ]),
    );
    for (const [to, words] of HEARD) expect(says(mails, `to ${to}`, words), `${to}: ${words}`).toBe(true);
    // And they were all there to be found: those inside have read them.
    const chief = sent.filter(({ to }) => to === 'chief@private.example').map(({ text }) => text);
    const cookie = await signInAs(server.url, house.users.owner.email);
    const screens = await Promise.all(
      SCREENS(house, told).map((path) => ask(server.url, path, { headers: { cookie } })),
    );
    const known = [...chief, ...screens.map(({ body }) => body)].join('\n');
    const unread = Object.entries(INSIDE).filter(
      ([, text]) => !known.includes(text.replace(/^https:.*\//, '')),
    );
    expect(unread.map(([field]) => field)).toEqual([]);
  });
});

/** Who outside was told of the same incident, in which way. */
const HEARD: readonly (readonly [string, string])[] = [
  ['acme@', 'Some payments are slow.'],
  ['acme@', 'Payments work again.'],
  ['acme@', 'All is well.'],
  ['partner@', 'Some payments are slow.'],
  ['daily@private.example, Status: one thing happened', 'Payments are slow'],
  ['afar@private.example, Status: ein Vorkommnis', 'Payments are slow'],
  ['eager@private.example, Status: one thing happened', 'Payments work again.'],
  ['important@', 'All is well.'],
  ['later@', 'All is well.'],
  ['back@', 'All is well.'],
  ['https://hooks.slack.com/services/T1', 'All is well.'],
  ['https://harbour.example.net/teams', 'All is well.'],
  ['https://discord.com', 'All is well'],
  ['https://elsewhere.example.net', 'All is well.'],
];
