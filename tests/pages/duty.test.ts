import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertShifts } from '#db/rota.ts';
import type { Role } from '#domain/permissions.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE, toLocal } from '#domain/time.ts';
import { assignRole, getIncident } from '#services/incidents.ts';
import { readCalendar } from '../support/calendar.ts';
import { ask } from '../support/http.ts';
import { type House, openHouse } from './adminHouse.ts';

const ZONE = 'Europe/Berlin';

describe('duty, by its forms alone', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse(0);
    await house.db.write((tx) => tx.updateTable('page').set({ time_zone: ZONE }).execute());
  });
  afterAll(() => house?.close());

  const idOf = (role: Role) => (house.as(role).actor as { id: string }).id;
  const now = () => new Date().toISOString();
  const local = (at: Instant) => toLocal(at, ZONE);
  const clear = () =>
    house.db.write(async (tx) => {
      await tx.deleteFrom('duty_shifts').execute();
    });
  const shifts = () =>
    house.db.read((tx) => tx.selectFrom('duty_shifts').selectAll().orderBy('starts_at').execute());
  /** Puts a shift on record, whenever it was. */
  const put = (id: string, from: Instant, to: Instant, primary: Role, note: string | null = null) =>
    house.db.write((tx) =>
      insertShifts(
        tx,
        [
          {
            id,
            startsAt: from,
            endsAt: to,
            primaryId: idOf(primary),
            secondId: null,
            managerId: null,
            note,
            noteBy: note && 'Mia Berg',
          },
        ],
        from,
      ),
    );
  const text = (body: string) =>
    body
      .slice(Math.max(0, body.indexOf('<main')))
      .replace(/<(script|style)[\s\S]*?<\/\1>/g, '')
      .replace(/<[^>]+>/g, ' ')
      .replace(/\s+/g, ' ');

  it('is quiet while there is no rota, and says what one is good for', async () => {
    const { status, body } = await house.get('/admin/duty');
    expect(status).toBe(200);
    expect(text(body)).toContain('Nobody is on duty');
    expect(text(body)).toContain('Without a rota everyone who may post is called at once');
    expect(body).not.toContain('class="on-duty');
  });

  it('a rota is set up in one form, and shown with who is next and where it ends', async () => {
    const form = await house.get('/admin/duty/repeat');
    expect(form.body).toContain('As 09:00, in Europe/Berlin.');
    const fields = {
      firstDay: '2027-03-22',
      at: '09:00',
      weeks: '2',
      second: 'next',
      manager: idOf('responder'),
    };
    const wrong = await house.post('/admin/duty/repeat', { ...fields, weeks: 'x', at: '9 am' });
    expect(wrong.status).toBe(422);
    expect(wrong.body).toContain('href="#weeks"');
    expect(wrong.body).toContain('href="#at"');
    expect(wrong.body).toContain('value="9 am"');
    const empty = await house.post('/admin/duty/repeat', fields);
    expect(empty.status).toBe(422);
    expect(empty.body).toContain('Choose who takes turns.');
    const sent = await ask(house.server.url, '/admin/duty/repeat', {
      method: 'POST',
      headers: {
        cookie: await house.cookie('comms'),
        origin: house.server.url,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams([
        ...Object.entries(fields),
        ['people', idOf('comms')],
        ['people', ''],
        ['people', idOf('owner')],
      ]).toString(),
    });
    expect([sent.status, sent.headers.location]).toEqual([303, '/admin/duty?done=repeated']);
    const { body } = await house.get('/admin/duty?done=repeated');
    expect(text(body)).toContain('The rotation is planned.');
    // Nine in the morning on both sides of the change of the clocks, and the zone said.
    expect(text(body)).toContain('Mon 22 Mar 2027, 09:00 CET to Mon 29 Mar 2027, 09:00 CEST');
    expect(text(body)).toContain('Next: Noor Aziz');
    expect(text(body)).toContain('After Mon 5 Apr 2027, 09:00 nobody is on the rota yet.');
    expect(text(body)).toMatch(/Nobody is on duty for \d+ days/);
    await clear();
  });

  it('a shift is added, kept as it was typed when it is wrong, changed and taken off', async () => {
    const from = local(addMs(now(), 26 * HOUR));
    const to = local(addMs(now(), 30 * HOUR));
    const wrong = await house.post('/admin/duty/new', {
      from: to,
      to: from,
      primary: '',
      second: idOf('comms'),
    });
    expect(wrong.status).toBe(422);
    expect(wrong.body).toContain('Choose who is on duty.');
    expect(wrong.body).toContain(`value="${to}"`);
    expect(wrong.body).toContain(`value="${idOf('comms')}" selected`);
    const skipped = await house.post('/admin/duty/new', {
      from: '2027-03-28T02:30',
      to: '2027-03-28T12:00',
      primary: idOf('comms'),
    });
    expect(skipped.status).toBe(422);
    expect(skipped.body).toContain('There is no 02:30 on 2027-03-28 in Europe/Berlin');
    expect(skipped.body).toContain('value="2027-03-28T02:30"');
    const people = { primary: idOf('comms'), second: '', manager: '' };
    expect((await house.post('/admin/duty/new', { from, to, ...people })).status).toBe(303);
    const again = await house.post('/admin/duty/new', { from, to, ...people });
    expect(again.status).toBe(409);
    expect(again.body).toContain('That shift is on the rota already.');

    const [{ id } = { id: '' }] = await shifts();
    const page = await house.get(`/admin/duty/${id}`);
    expect(page.body).toContain(`value="${from}"`);
    const later = local(addMs(now(), 31 * HOUR));
    const change = { do: 'save', revision: '0', from, to: later, ...people, primary: idOf('owner') };
    expect((await house.post(`/admin/duty/${id}`, change)).headers.location).toBe('/admin/duty?done=changed');
    const stale = await house.post(`/admin/duty/${id}`, { ...change, to });
    expect(stale.status).toBe(409);
    expect(stale.body).toContain('Someone changed this shift');
    expect(stale.body).toContain(`value="${to}"`);
    // What was shown anew can be sent.
    expect(stale.body).toContain('name="revision" value="1"');
    expect((await house.post(`/admin/duty/${id}`, { do: 'remove', revision: '1' })).headers.location).toBe(
      '/admin/duty?done=removed',
    );
    expect(await shifts()).toEqual([]);
    expect((await house.get(`/admin/duty/${id}`)).status).toBe(404);
  });

  it('says who is on duty on every page, and to whoever is that they are', async () => {
    await put('running00001', addMs(now(), -HOUR), addMs(now(), 3 * DAY), 'comms');
    const others = await house.get('/admin/components', 'viewer');
    const [line] = /<a class="on-duty"[\s\S]*?<\/a>/.exec(others.body) ?? [''];
    expect(text(line)).toMatch(/On duty: Noor Aziz until \w{3} \d\d:\d\d CET/);
    const mine = await house.get('/admin/components', 'comms');
    expect(mine.body).toContain('You are on duty');
    expect(text((await house.get('/admin/duty', 'comms')).body)).toMatch(
      /You are on duty until \w{3} \d+ \w{3}/,
    );
    await put('cover0000001', addMs(now(), -MINUTE), addMs(now(), HOUR), 'owner');
    const covered = text((await house.get('/admin/duty', 'viewer')).body);
    expect(covered).toContain('Mia Berg is on duty until');
    expect(covered).toContain('Mia Berg, whose shift begins later, is on duty in its place:');
    await house.db.write((tx) =>
      tx.updateTable('users').set({ disabled_at: now() }).where('id', '=', idOf('owner')).execute(),
    );
    const gone = text((await house.get('/admin/duty', 'viewer')).body);
    expect(gone).toContain('Nobody is on duty: Mia Berg can no longer sign in');
    expect(gone).toContain('Mia Berg can no longer sign in, so nobody leads:');
    const form = await house.get('/admin/duty/cover0000001', 'comms');
    expect(form.body).toContain('Mia Berg (can no longer sign in)');
    await house.db.write((tx) => tx.updateTable('users').set({ disabled_at: null }).execute());
    await clear();
  });

  it('a note is written by whoever is on duty, and read by everyone', async () => {
    await put('running00002', addMs(now(), -HOUR), addMs(now(), HOUR), 'comms');
    const here = '/admin/duty/running00002';
    expect((await house.get('/admin/duty', 'comms')).body).toContain('For whoever comes next');
    expect((await house.get('/admin/duty', 'viewer')).body).not.toContain('name="note"');
    expect((await house.post(here, { do: 'note', note: 'x', noteAt: '' }, 'viewer')).status).toBe(403);
    const long = await house.post(here, { do: 'note', note: 'x'.repeat(2001), noteAt: '' });
    expect(long.status).toBe(422);
    expect(long.body).toContain('x'.repeat(2001));
    const saved = await house.post(here, { do: 'note', note: 'They call at <three>.\nMind it.', noteAt: '' });
    expect(saved.headers.location).toBe(`${here}?done=note`);
    const read = await house.get('/admin/duty', 'viewer');
    expect(read.body).toContain('They call at &lt;three&gt;.\nMind it.');
    expect(text(read.body)).toContain('Written by Noor Aziz');
    const late = await house.post(here, { do: 'note', note: 'Mine, kept', noteAt: '' }, 'owner');
    expect(late.status).toBe(409);
    expect(late.body).toContain('Noor Aziz wrote the note while you had it open.');
    expect(late.body).toContain('Mine, kept');
    await clear();
  });

  it('what is left open is read and taken with one press; reading takes nothing', async () => {
    const { id } = await house.incident({ title: 'Search is down' });
    await assignRole(house.as('owner'), { incidentId: id, role: 'comms_lead', userId: idOf('owner') });
    // It was hers a quarter of an hour ago, and her duty ended five minutes ago.
    await house.db.write((tx) =>
      tx
        .updateTable('incident_roles')
        .set({ assigned_at: addMs(now(), -14 * MINUTE) })
        .execute(),
    );
    const end = addMs(now(), -2 * MINUTE);
    await put('leaving00001', addMs(now(), -8 * HOUR), end, 'owner', 'Ask for the second log.');
    await put('coming000001', end, addMs(now(), 8 * HOUR), 'comms');
    for (const path of ['/admin', `/admin/incidents/${id}`])
      expect(text((await house.get(path)).body), path).toContain(
        'Search is down waits to be taken over since',
      );
    const { body } = await house.get('/admin/duty/handover');
    expect(text(body)).toContain('Mia Berg’s duty ended at');
    expect(text(body)).toContain('Mia Berg stays comms lead until someone takes it.');
    expect(text(body)).toContain('Ask for the second log.');
    expect(body).toContain('data-brief');
    expect(text(body)).toContain('Checkout may fail for some customers.');
    const lead = async () =>
      (await getIncident(house.as('owner'), id)).roles.find(({ role }) => role === 'comms_lead')?.name;
    expect(await lead()).toBe('Mia Berg');
    expect(text((await house.get('/admin/duty/handover', 'viewer')).body)).toContain(
      'Nothing waits to be taken over',
    );
    expect((await house.post('/admin/duty/handover', { incident: id }, 'viewer')).status).toBe(403);
    expect((await house.post('/admin/duty/handover', {})).status).toBe(422);
    const taken = await house.post('/admin/duty/handover', { incident: id });
    expect([taken.status, taken.headers.location]).toEqual([303, `/admin/incidents/${id}?done=taken`]);
    expect(await lead()).toBe('Noor Aziz');
    expect((await house.get(`/admin/incidents/${id}?done=taken`)).body).toContain(
      'You are its comms lead now.',
    );
    const slower = await house.post('/admin/duty/handover', { incident: id }, 'owner');
    expect(slower.status).toBe(409);
    expect(slower.body).toContain('Noor Aziz is its comms lead now.');
    expect(text(slower.body)).toMatch(/Search is down Noor Aziz leads it since/);
    for (const path of ['/admin', `/admin/incidents/${id}`])
      expect(text((await house.get(path)).body), path).not.toContain('to be taken over');
    await clear();
  });

  it('an address of a calendar is shown once, works without signing in, and ends', async () => {
    await put('running00003', addMs(now(), -HOUR), addMs(now(), HOUR), 'comms');
    const make = async (shows: string, role: Role = 'comms') => {
      const { status, body } = await house.post('/admin/duty', { do: 'feed', shows }, role);
      expect(status).toBe(200);
      return new URL(/http:\/\/\S+\/duty\/[\w-]{32}\.ics/.exec(body)?.[0] as string).pathname;
    };
    const own = await make('own');
    const { status, headers, body } = await ask(house.server.url, own);
    expect([status, headers['content-type'], headers['cache-control'], headers['x-robots-tag']]).toEqual([
      200,
      'text/calendar; charset=utf-8',
      'no-store',
      'noindex, nofollow, noarchive',
    ]);
    expect(readCalendar(body).events).toHaveLength(1);
    const head = await ask(house.server.url, own, { method: 'HEAD' });
    expect([head.status, head.headers['content-type'], head.body]).toEqual([
      200,
      'text/calendar; charset=utf-8',
      '',
    ]);
    const token = own.split(/[/.]/).at(-2) as string;
    expect((await house.get('/admin/duty')).body).not.toContain(token);
    const rows = await house.db.read((tx) => tx.selectFrom('duty_feeds').selectAll().execute());
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(house.server.logs.join('\n')).not.toContain(token);

    const all = await make('all', 'viewer');
    const renewed = await make('own');
    expect((await ask(house.server.url, own)).status).toBe(404);
    expect((await ask(house.server.url, renewed)).status).toBe(200);
    expect((await house.post('/admin/duty', { do: 'endFeed', shows: 'own' })).status).toBe(303);
    expect((await ask(house.server.url, renewed)).status).toBe(404);
    expect((await ask(house.server.url, all)).status).toBe(200);
    for (const path of ['/duty/x.ics', '/duty/.ics', `/duty/${'a'.repeat(32)}.ics`])
      expect((await ask(house.server.url, path)).status, path).toBe(404);
    expect(
      (await ask(house.server.url, all, { method: 'POST', headers: { origin: house.server.url } })).status,
    ).not.toBe(200);
    expect((await house.post('/admin/duty', { do: 'else' })).status).toBe(422);
    await clear();
  });

  it('an address is asked for only so often', async () => {
    const answers = new Set<number>();
    for (let count = 0; count < 260; count++)
      answers.add((await ask(house.server.url, '/duty/guess.ics')).status);
    expect(answers).toEqual(new Set([404, 429]));
  });
});
