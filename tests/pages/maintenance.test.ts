import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';
import { declareIncident } from '#services/incidents.ts';
import { keepMaintenance } from '#services/maintenanceClock.ts';
import { type House, openHouse } from './adminHouse.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse(3, { FOGHORN_ROLE: 'web' });
}, 120_000);
afterAll(() => house.close());
afterEach(() => zone('UTC'));

const checkout = () => house.components.get('Checkout') as string;
const cart = () => house.components.get('Cart') as string;
const announce = (fields: Record<string, string>) =>
  house.post('/admin/maintenance/new', {
    title: 'Database upgrade',
    body: 'Checkout pauses.',
    components: checkout(),
    byItself: 'yes',
    repeat: '',
    ...fields,
  });
const pathOf = (location: unknown) => String(location).split('?')[0] as string;
const versionOn = (body: string) => /name="version" value="(\d+)"/.exec(body)?.[1] as string;
const shows = (body: string, words: string) => expect(body.includes(words), `shows: ${words}`).toBe(true);
const matches = (body: string, pattern: RegExp) => expect(pattern.test(body), `${pattern}`).toBe(true);
const inUtc = (ms: number) => addMs(new Date().toISOString(), ms).slice(0, 16);
const zone = (timeZone: string) =>
  house.db.write((tx) => tx.updateTable('page').set({ time_zone: timeZone }).execute());

describe('planning a maintenance', () => {
  it('shows what overlaps, and plans it all the same when it is announced once more', async () => {
    const first = await announce({ scheduledFor: '2998-03-01T10:00', scheduledUntil: '2998-03-01T12:00' });
    expect(first.status).toBe(303);
    const window = { scheduledFor: '2998-03-01T11:00', scheduledUntil: '2998-03-01T13:00', title: 'Another' };
    const asked = await announce(window);
    expect(asked.status).toBe(409);
    shows(asked.body, 'other work is planned for that time');
    expect(/Database upgrade<\/a>, 1 Mar 2998, 10:00 to 12:00 UTC:\s+Checkout/.test(asked.body)).toBe(true);
    shows(asked.body, 'value="Another"');
    const overlaps = /name="overlaps" value="([^"]+)"/.exec(asked.body)?.[1] as string;
    const planned = await announce({ ...window, overlaps });
    expect(planned.status).toBe(303);
    const list = (await house.get('/admin/maintenance')).body;
    expect(list.match(/>Overlaps<\/b>/g)).toHaveLength(2);
    shows((await house.get(pathOf(planned.headers.location))).body, 'Database upgrade</a>');
    // On other components, or right after, nothing overlaps.
    const apart = await announce({ ...window, components: cart() });
    const after = await announce({ scheduledFor: '2998-03-01T13:00', scheduledUntil: '2998-03-01T14:00' });
    expect([apart.status, after.status]).toEqual([303, 303]);
  });

  it('of what comes again shows what any of its windows overlaps, once', async () => {
    const inDays = (days: number, clock: string) => `${inUtc(days * 24 * HOUR).slice(0, 10)}T${clock}`;
    const once = { title: 'Cable work', components: cart() };
    await announce({ ...once, scheduledFor: inDays(31, '11:00'), scheduledUntil: inDays(31, '12:00') });
    const weekly = {
      title: 'Weekly restart',
      components: cart(),
      scheduledFor: inDays(10, '11:30'),
      scheduledUntil: inDays(10, '13:00'),
      repeat: 'week',
    };
    const asked = await announce(weekly);
    expect(asked.status).toBe(409);
    matches(asked.body, /Cable work<\/a>, [^<]+ 11:00 to 12:00 UTC:\s+Cart/);
    const overlaps = /name="overlaps" value="([^"]+)"/.exec(asked.body)?.[1] as string;
    expect((await announce({ ...weekly, overlaps })).status).toBe(303);
    // At another hour, or over before that, it overlaps nothing.
    const later = { scheduledFor: inDays(10, '13:00'), scheduledUntil: inDays(10, '14:00') };
    expect((await announce({ ...weekly, ...later })).status).toBe(303);
    const before = { scheduledFor: inDays(11, '11:30'), scheduledUntil: inDays(11, '13:00') };
    const daily = { ...weekly, ...before, repeat: 'day', interval: '20' };
    expect((await announce({ ...daily, lastDay: inDays(30, '').slice(0, 10) })).status).toBe(303);
    expect((await announce(daily)).status).toBe(409);
  });

  it('says in words that a time never comes, or comes twice, and asks which is meant', async () => {
    await zone('Europe/Berlin');
    const never = await announce({ scheduledFor: '2027-03-28T02:30', scheduledUntil: '2027-03-28T05:00' });
    expect(never.status).toBe(422);
    shows(never.body, '02:30 does not come on that day: clocks go forward over it');
    const twice = await announce({ scheduledFor: '2027-10-31T02:30', scheduledUntil: '2027-10-31T05:00' });
    expect(twice.status).toBe(422);
    shows(twice.body, '02:30 comes twice on that day');
    const [, later] = [...twice.body.matchAll(/name="scheduledForTurn" value="([^"]+)"/g)].map(
      ([, at]) => at as string,
    );
    expect(later).toBe('2027-10-31T01:30:00.000Z');
    const chosen = await announce({
      scheduledFor: '2027-10-31T02:30',
      scheduledForTurn: later as string,
      scheduledUntil: '2027-10-31T05:00',
    });
    expect(chosen.status).toBe(303);
    shows((await house.get(pathOf(chosen.headers.location))).body, '02:30 to 05:00 CET');
  });

  it('again and again: the rule in words, the next windows, and an end', async () => {
    const wrong = await announce({
      scheduledFor: '2998-05-01T02:00',
      scheduledUntil: '2998-05-01T02:00',
      repeat: 'week',
    });
    expect(wrong.status).toBe(422);
    const made = await announce({
      title: 'Cache restart',
      scheduledFor: `${inUtc(3 * 24 * HOUR).slice(0, 10)}T14:00`,
      scheduledUntil: `${inUtc(3 * 24 * HOUR).slice(0, 10)}T15:30`,
      repeat: 'day',
      interval: '2',
    });
    expect(made.status).toBe(303);
    const path = pathOf(made.headers.location);
    const page = (await house.get(path)).body;
    shows(page, 'Every 2 days, 14:00 to 15:30, UTC time.');
    expect(page.match(/\/admin\/maintenance\/\w{12}"/g)).toHaveLength(2);
    shows((await house.get('/admin/maintenance')).body, 'Cache restart');
    expect((await house.post(path, { body: '' })).status).toBe(422);
    expect((await house.post(path, { body: 'No more.' })).status).toBe(303);
    shows((await house.get(path)).body, 'Ended');
    expect((await house.post(path, { body: 'No more.' })).status).toBe(409);
  });
});

describe('the window on its page', () => {
  it('is moved by a form, and by nobody who may not', async () => {
    const made = await announce({
      scheduledFor: '2998-07-01T10:00',
      scheduledUntil: '2998-07-01T12:00',
      notify: 'yes',
    });
    const path = pathOf(made.headers.location);
    const shown = (await house.get(path)).body;
    shows(shown, 'It begins and ends by itself.');
    const move = (fields: Record<string, string>, role: 'comms' | 'responder' = 'comms') =>
      house.post(path, { do: 'window', version: versionOn(shown), ...fields }, role);
    const empty = await move({ from: '2998-07-02T10:00', until: '' });
    expect(empty.status).toBe(422);
    shows(empty.body, 'The end is missing');
    expect((await move({ from: '2998-07-02T10:00', until: '2998-07-02T09:00' })).status).toBe(422);
    expect((await move({ from: '2998-07-02T10:00', until: '2998-07-02T12:00' }, 'responder')).status).toBe(
      403,
    );
    const moved = await move({ from: '2998-07-02T10:00', until: '2998-07-02T12:00', windowNotify: 'yes' });
    expect(moved.status).toBe(303);
    const after = (await house.get(String(moved.headers.location))).body;
    shows(after, 'The new window is announced.');
    shows(after, 'The work is moved to 2 Jul 2998, 10:00 to 12:00 UTC.');
    shows((await house.get(path.replace('/admin', ''))).body, '2 Jul 2998, 10:00');
    // The form from before is old.
    expect((await move({ from: '2998-07-03T10:00', until: '2998-07-03T12:00' })).status).toBe(409);
  });

  it('shows once what it would overlap elsewhere, and is moved all the same when it is announced once more', async () => {
    await announce({
      title: 'Switch work',
      scheduledFor: '2998-09-02T10:00',
      scheduledUntil: '2998-09-02T12:00',
    });
    const made = await announce({ scheduledFor: '2998-09-01T10:00', scheduledUntil: '2998-09-01T12:00' });
    const path = pathOf(made.headers.location);
    const version = versionOn((await house.get(path)).body);
    const move = (fields: Record<string, string>, role: 'comms' | 'responder' = 'comms') =>
      house.post(path, { do: 'window', version, windowBody: 'It moves.', ...fields }, role);
    const onto = { from: '2998-09-02T11:00', until: '2998-09-02T13:00' };
    expect((await move(onto, 'responder')).status).toBe(403);
    const asked = await move(onto);
    expect(asked.status).toBe(409);
    shows(asked.body, 'It is not announced yet: other work is planned for that time.');
    matches(asked.body, /Switch work<\/a>, 2 Sept? 2998, 10:00 to 12:00 UTC:\s+Checkout/);
    shows(asked.body, 'It moves.</textarea>');
    shows(asked.body, 'value="2998-09-02T11:00"');
    shows((await house.get(path)).body, 'value="2998-09-01T10:00"');
    const overlaps = /name="overlaps" value="([^"]+)"/.exec(asked.body)?.[1] as string;
    const moved = await move({ ...onto, overlaps });
    expect(moved.status).toBe(303);
    const after = (await house.get(path)).body;
    matches(after, /<b[^>]*>Overlaps<\/b> with <a[^>]+>Switch work/);
    // What it overlaps already it says on its page; it is not asked about again.
    const longer = { from: '2998-09-02T11:00', until: '2998-09-02T14:00', version: versionOn(after) };
    expect((await move(longer)).status).toBe(303);
    const apart = { from: '2998-09-02T12:00', until: '2998-09-02T14:00' };
    expect((await move({ ...apart, version: versionOn((await house.get(path)).body) })).status).toBe(303);
  });

  it('asks whether it is over while an incident is open, and one press answers', async () => {
    const made = await announce({
      scheduledFor: inUtc(HOUR),
      scheduledUntil: inUtc(2 * HOUR),
      components: cart(),
    });
    const path = pathOf(made.headers.location);
    const id = path.split('/').at(-1) as string;
    await house.db.write((tx) =>
      tx
        .updateTable('incidents')
        .set({
          scheduled_for: `${inUtc(-2 * HOUR)}:00.000Z`,
          scheduled_until: `${inUtc(-5 * MINUTE)}:00.000Z`,
          started_at: `${inUtc(-2 * HOUR)}:00.000Z`,
        })
        .where('id', '=', id)
        .execute(),
    );
    await house.db.write((tx) =>
      tx
        .updateTable('claims')
        .set({ starts_at: `${inUtc(-2 * HOUR)}:00.000Z` })
        .where('component_id', '=', cart())
        .where('ends_at', 'is', null)
        .execute(),
    );
    await declareIncident(house.as('responder'), {
      title: 'The cart is slow',
      severity: 'SEV4',
      components: [{ id: cart(), status: 'degraded_performance' }],
    });
    while (await keepMaintenance(house.as('comms')));
    const asked = (await house.get(path)).body;
    shows(asked, 'Is it over? It was to end at');
    shows(asked, 'The cart is slow</a>');
    const more = await house.post(path, { do: 'extend30', version: versionOn(asked) });
    expect(more.status).toBe(303);
    const extended = (await house.get(path)).body;
    shows(extended, 'It will not end by itself at');
    shows(extended, 'The work takes longer than planned');
    const ended = await house.post(path, { do: 'end', version: versionOn(extended) });
    expect(ended.status).toBe(303);
    shows((await house.get(String(ended.headers.location))).body, 'It is over.');
  });
});

describe('what is called off', () => {
  it('says so, inside and outside', async () => {
    const made = await announce({ scheduledFor: '2998-08-01T10:00', scheduledUntil: '2998-08-01T12:00' });
    const path = pathOf(made.headers.location);
    const version = versionOn((await house.get(path)).body);
    await house.post(path, {
      do: 'post',
      version,
      audience: 'public',
      status: 'completed',
      body: 'Not needed.',
    });
    shows((await house.get(path)).body, 'Called off');
    const seen = (await house.get(path.replace('/admin', ''))).body;
    shows(seen, 'Called off');
    expect(seen.includes('Completed after')).toBe(false);
  });
});

describe('an hour before, for those who ask for it', () => {
  it('is chosen when one subscribes', async () => {
    shows((await house.get('/subscribe')).body, 'Also an hour before planned work');
    const asked = await house.post('/subscribe', {
      address: 'early@example.org',
      whole: 'yes',
      mode: 'policy',
      hourBefore: 'yes',
    });
    expect(asked.status).toBe(303);
    await house.post('/subscribe', { address: 'late@example.org', whole: 'yes', mode: 'policy' });
    const rows = await house.db.read((tx) =>
      tx
        .selectFrom('recipients')
        .select(['address', 'hour_before'])
        .where('address', 'in', ['early@example.org', 'late@example.org'])
        .orderBy('address')
        .execute(),
    );
    expect(rows).toEqual([
      { address: 'early@example.org', hour_before: 1 },
      { address: 'late@example.org', hour_before: 0 },
    ]);
  });
});
