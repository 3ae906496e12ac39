import { afterAll, beforeAll, expect, it } from 'vitest';
import { listDrills } from '#services/drillReviews.ts';
import { getIncident } from '#services/incidents.ts';
import { listPeople } from '#services/people.ts';
import { disableUser } from '#services/users.ts';
import { type House, openHouse } from './adminHouse.ts';

/** Every form as a browser without scripts would send it. */
let house: House;
beforeAll(async () => {
  house = await openHouse(3, { FOGHORN_ROLE: 'web' });
});
afterAll(() => house?.close());

const BANNER = 'This is a drill. Nothing is broken and nobody outside sees this.';
const LEFT_OUT =
  'Two things are left out: no update waits for an approver, and nobody is asked to take it over when a duty ends.';
const words = (html: string) =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/\s+/g, ' ');
const plain = (html: string) => html.replace(/ data-astro-cid-\w+(="")?/g, '');
const chosenIn = (html: string, name: string) =>
  /<option value="([^"]*)" selected/.exec(
    new RegExp(`<select[^>]*name="${name.replace('.', '\\.')}"[\\s\\S]*?</select>`).exec(html)?.[0] ?? '',
  )?.[1];

async function people(): Promise<Record<string, string>> {
  return Object.fromEntries((await listPeople(house.as('owner'))).map(({ id, name }) => [name, id]));
}

it('is started by a form that suggests the roles and keeps what was typed', async () => {
  const { 'Noor Aziz': noor, 'Rui Costa': rui } = await people();
  expect((await house.get('/admin/drills', 'viewer')).body).not.toContain('href="/admin/drills/new"');
  expect(words((await house.get('/admin/drills/new')).body)).toContain(LEFT_OUT);
  const nobody = await house.post('/admin/drills/new', {
    do: 'start',
    title: 'Sign-in is down',
    severity: 'SEV1',
  });
  expect(nobody.status).toBe(422);
  expect(nobody.body).toContain('href="#participants"');
  expect(nobody.body).toContain('value="Sign-in is down"');
  const suggested = await house.post('/admin/drills/new', {
    do: 'suggest',
    title: 'Sign-in is down',
    severity: 'SEV1',
    participants: rui as string,
  });
  expect(suggested.status).toBe(200);
  expect(chosenIn(suggested.body, 'role.comms_lead')).toBe(rui);
  const stranger = await house.post('/admin/drills/new', {
    do: 'start',
    title: 'Sign-in is down',
    severity: 'SEV1',
    participants: rui as string,
    'role.comms_lead': noor as string,
  });
  expect(stranger.status).toBe(422);
  expect(words(stranger.body)).toContain('Choose someone who takes part in the drill.');
  expect(await listDrills(house.as('comms'))).toEqual({ running: [], over: [] });
  const [, checkout] = [...house.components].find(([name]) => name === 'Checkout') as [string, string];
  const started = await house.post('/admin/drills/new', {
    do: 'start',
    title: 'Sign-in is down',
    severity: 'SEV1',
    participants: rui as string,
    'role.scribe': '',
    [`component:${checkout}`]: 'major_outage',
  });
  const {
    running: [drill],
  } = await listDrills(house.as('comms'));
  expect([started.status, started.headers.location]).toEqual([
    303,
    `/admin/incidents/${drill?.id}?done=drill`,
  ]);
  expect(drill?.roles.map(({ role, userId }) => [role, userId]).sort()).toEqual([
    ['comms_lead', rui],
    ['incident_commander', rui],
  ]);
  expect((await getIncident(house.as('comms'), drill?.id as string)).components).toMatchObject([
    { id: checkout, claimed: 'major_outage' },
  ]);
});

it('says on each of its screens that it is one, in every list, and whom a post reaches', async () => {
  const {
    running: [drill],
  } = await listDrills(house.as('comms'));
  const path = `/admin/incidents/${drill?.id}`;
  for (const screen of [path, `${path}/next`, `${path}/brief`]) {
    const { body } = await house.get(screen);
    expect(plain(body), screen).toContain(BANNER);
    expect(body, screen).toMatch(/<title>Drill: /);
  }
  const { body } = await house.get(path);
  expect(words(body)).toContain(LEFT_OUT);
  expect(words(body)).toContain('Tells the one participant, nobody outside.');
  expect(words(body)).toContain(
    'Rui Costa takes part. Updates, calls and reminders reach this person and nobody',
  );
  expect(words(body)).toContain('Post and tell 1 person');
  expect(words(body)).not.toMatch(/Not public yet|Publish (and|quietly)/);
  expect(body).not.toContain(`href="/incidents/${drill?.id}"`);
  for (const list of ['/admin', '/admin/incidents', '/admin/drills'])
    expect(words((await house.get(list)).body), list).toMatch(/Drill (, )?(SEV1 )?Sign-in is down/);
  expect(words((await house.get('/admin/audit', 'owner')).body)).toContain('Started a drill');
  // It is no incident: the screen says of those how many are open.
  expect(words((await house.get('/admin')).body)).toContain('Nothing is open');
  expect(plain((await house.get('/admin')).body)).not.toContain(BANNER);
  // And it gives roles to those alone who take part.
  expect(words(body)).not.toContain('Noor Aziz Nobody');
  const refused = await house.post(path, {
    do: 'role',
    role: 'scribe',
    user: (await people())['Noor Aziz'] as string,
  });
  expect(refused.status).toBe(422);
});

it('is played to its end, and looked back at', async () => {
  const {
    running: [drill],
  } = await listDrills(house.as('comms'));
  const path = `/admin/incidents/${drill?.id}`;
  const back = `/admin/drills/${drill?.id}`;
  expect((await house.get(back)).headers.location).toBe(path);
  const early = await house.post(back, { do: 'save', well: 'x' });
  expect(early.status).toBe(409);
  const posted = await house.post(path, {
    do: 'post',
    version: '1',
    audience: 'public',
    status: 'resolved',
    body: 'Everyone can sign in.',
    reason: 'Practice',
  });
  expect(posted.headers.location).toBe(`${path}?done=posted#outgoing`);
  expect(words((await house.get(`${path}?done=posted`)).body)).toContain('Queued for 1 person.');
  expect((await house.get(path)).body).toContain(`href="${back}"`);
  const before = words((await house.get(back)).body);
  expect(before).toContain('1 of 1');
  expect(before).toContain('Write it down while it is fresh');
  const long = await house.post(back, { do: 'save', well: 'x'.repeat(2_001), change: 'A <b>template</b>' });
  expect(long.status).toBe(422);
  expect(long.body).toContain('href="#well"');
  expect(long.body).toContain('A &lt;b&gt;template');
  const saved = await house.post(
    back,
    { do: 'save', well: 'The first word', slow: '', change: 'A <b>template</b>', who: 'Rui, by Friday' },
    'responder',
  );
  expect(saved.headers.location).toBe(`${back}?done=saved#review`);
  const { body } = await house.get(back, 'viewer');
  for (const text of [
    'The first word',
    'A &lt;b&gt;template&lt;/b&gt;',
    'Rui, by Friday',
    'Written by Rui Costa',
  ])
    expect(body).toContain(text);
  expect(body).not.toContain('What was slow or unclear');
  expect(body).not.toContain('<textarea');
  expect((await house.post(back, { do: 'save', change: 'Nothing' })).status).toBe(303);
  const list = words((await house.get('/admin/drills')).body);
  expect(list).toContain('Sign-in is down');
  expect(list).toContain('100% on time (1 of 1)');
  expect(list).toContain('Nothing');
  expect((await house.get(`/incidents/${drill?.id}`)).status).toBe(404);
});

it('can be abandoned by one press; the next one begins with the same people, whose turn has moved on', async () => {
  const { 'Noor Aziz': noor, 'Rui Costa': rui } = await people();
  const again = await house.get('/admin/drills/new');
  expect(plain(again.body)).toContain(`value="${rui}" checked`);
  // As two boxes with one name would be sent.
  const started = await house.post('/admin/drills/new', {
    do: 'start',
    title: 'Orders vanish',
    severity: 'SEV2',
    participants: noor as string,
  });
  const id = /incidents\/(\w+)/.exec(started.headers.location as string)?.[1] as string;
  expect((await house.post(`/admin/drills/${id}`, { do: 'abandon' }, 'viewer')).status).toBe(403);
  const ended = await house.post(`/admin/drills/${id}`, { do: 'abandon' });
  expect(ended.headers.location).toBe(`/admin/drills/${id}?done=abandoned`);
  const shown = words((await house.get(`/admin/drills/${id}`)).body);
  expect(shown).toContain('Abandoned by Noor Aziz after');
  expect((await house.post(`/admin/drills/${id}`, { do: 'abandon' })).status).toBe(409);
  const real = await house.incident();
  expect((await house.post(`/admin/drills/${real.id}`, { do: 'abandon' })).status).toBe(404);
});

it('leaves out whoever can no longer sign in, and says so', async () => {
  const { 'Noor Aziz': noor, 'Rui Costa': rui } = await people();
  const form = new URLSearchParams({ do: 'start', title: 'Both', severity: 'SEV3' });
  expect(noor && rui).toBeTruthy();
  const started = await house.post('/admin/drills/new', {
    ...Object.fromEntries(form),
    participants: rui as string,
  });
  const path = (started.headers.location as string).split('?')[0] as string;
  await disableUser(house.as('owner'), rui as string);
  const { body } = await house.get(path);
  expect(words(body)).toContain('Nobody who takes part can sign in any more: this drill reaches no one.');
  expect(words(body)).toContain('Rui Costa can no longer sign in and is left out.');
});
