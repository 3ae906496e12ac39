import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULT_RUNBOOKS } from '#domain/defaultRunbooks.ts';
import { CLOSING_STEP } from '#domain/runbooks.ts';
import { addMs, DAY } from '#domain/time.ts';
import { getRunbook, listRunbooks, saveRunbook } from '#services/runbooks.ts';
import { type House, openHouse } from './adminHouse.ts';

/** Every form as a browser without scripts would send it. */
let house: House;
beforeAll(async () => {
  house = await openHouse(3, { FOGHORN_ROLE: 'web' });
});
afterAll(() => house?.close());

const HOSTILE = `<img src=x onerror=alert(1)> "quoted" 'and' {{title}} \u{1f6a8}`;

const versionIn = (html: string) => /name="version" value="(\d+)"/.exec(html)?.[1] as string;
const stepsIn = (html: string) =>
  [...html.matchAll(/<button[^>]*class="step"[^>]*>/g)].map(([tag]) => {
    const of = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] as string;
    return { name: of('name'), value: of('value'), pressed: of('aria-pressed') };
  });
const runbookIn = (html: string, title: string) =>
  new RegExp(`data-runbook="(\\d+)"[^>]*>\\s*<summary[^>]*>\\s*<b[^>]*>${title}</b>`).exec(
    html,
  )?.[1] as string;
/** Texts as they read, without the tags between them. */
const words = (html: string) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

it('offers suggestions where there is none, uses none of them until they are taken, and takes them by one press', async () => {
  const { body } = await house.get('/admin/runbooks');
  for (const { title, steps } of DEFAULT_RUNBOOKS) {
    expect(body).toContain(title);
    expect(body).toContain(steps[0]);
  }
  expect(await listRunbooks(house.as('comms'))).toEqual([]);
  expect((await house.get('/admin/runbooks', 'viewer')).body).not.toContain('Start from these');
  const taken = await house.post('/admin/runbooks', { do: 'take' });
  expect([taken.status, taken.headers.location]).toEqual([303, '/admin/runbooks?done=taken']);
  const after = (await house.get('/admin/runbooks?done=taken')).body;
  expect(after).toContain('They are yours now.');
  expect(after).not.toContain('Start from these');
  expect(words(after)).toContain('Not reviewed yet');
  expect((await listRunbooks(house.as('comms'))).map(({ owner }) => owner?.name)).toEqual(
    DEFAULT_RUNBOOKS.map(() => 'Noor Aziz'),
  );
});

it('writes, changes, reorders and reviews one, keeps what was typed when it is wrong, and shows its history', async () => {
  const wrong = await house.post('/admin/runbooks/new', { title: HOSTILE, severities: 'SEV1', steps: ' ' });
  expect(wrong.status).toBe(422);
  expect(wrong.body).toContain('href="#steps"');
  expect(wrong.body).toContain('value="<img src=x onerror=alert(1)> &quot;quoted&quot;');
  expect(wrong.body).toMatch(/value="SEV1" checked/);
  const made = await house.post('/admin/runbooks/new', {
    title: HOSTILE,
    severities: 'SEV1',
    ownerId: '',
    componentId: '',
    steps: `First ${HOSTILE}\nSecond https://x.example/"onmouseover="alert(1)`,
  });
  expect([made.status, made.headers.location]).toEqual([303, '/admin/runbooks?done=saved']);
  const id = (await listRunbooks(house.as('comms'))).find(({ title }) => title === HOSTILE)?.id as string;
  for (const path of ['/admin/runbooks', `/admin/runbooks/${id}`]) {
    const { body } = await house.get(path);
    // Within an attribute only a quote could end it.
    expect(body.replace(/ value="[^"]*"/g, '')).not.toContain('<img src=x');
    expect(body).not.toMatch(/ onmouseover="/);
  }
  const path = `/admin/runbooks/${id}`;
  const version = versionIn((await house.get(path)).body);
  const fields = { do: 'save', version, title: 'Turned round', steps: 'Second\nFirst', componentId: '' };
  expect((await house.post(path, fields, 'responder')).headers.location).toBe(`${path}?done=saved`);
  const { runbook } = await getRunbook(house.as('comms'), id);
  expect(runbook.steps.map(({ text }) => text)).toEqual(['Second', 'First']);
  expect(runbook.severities).toEqual([]);
  const shown = (await house.get(path)).body;
  expect(words(shown)).toContain('Its steps until then First &lt;img src=x onerror=alert(1)&gt;');
  expect(words(shown)).toMatch(/Changed a runbook Rui Costa/);

  // Someone else was faster: nothing is lost on either side, and the second press is a decision.
  const late = await house.post(path, { ...fields, title: 'Mine', steps: 'My own step' });
  expect(late.status).toBe(409);
  expect(words(late.body)).toContain('someone was faster');
  expect(words(late.body)).toContain('It says now: Second First');
  expect(late.body).toMatch(/<textarea id="steps"[^>]*>\s*My own step</);
  expect(await house.post(path, { ...fields, version: versionIn(late.body), title: 'Mine' })).toMatchObject({
    status: 303,
  });

  const again = await house.post(path, { do: 'review', version });
  expect(again.status).toBe(409);
  const now = versionIn((await house.get(path)).body);
  expect((await house.post(path, { do: 'review', version: now })).headers.location).toBe(
    `${path}?done=reviewed`,
  );
  expect(words((await house.get(path)).body)).toMatch(/Reviewed \d+ \w+ \d{4} by Noor Aziz; review it by/);
  expect((await house.post(path, { do: 'delete' })).headers.location).toBe('/admin/runbooks?done=deleted');
  expect((await house.get(path)).status).toBe(404);
});

it('shows the steps on the incident, ticks them off and opens them again, and folds away when all is done', async () => {
  const { id } = await house.incident();
  const path = `/admin/incidents/${id}`;
  const first = (await house.get(path)).body;
  const social = runbookIn(first, 'Social media watch');
  const all = stepsIn(first);
  expect(all.length).toBe(DEFAULT_RUNBOOKS.reduce((sum, { steps }) => sum + steps.length + 1, 0));
  expect(new Set(all.map(({ pressed }) => pressed))).toEqual(new Set(['false']));
  expect(words(first)).toContain(`${all.length} steps open`);
  expect(words(first).split(CLOSING_STEP).length - 1).toBeGreaterThanOrEqual(3);
  const [step] = all as [(typeof all)[number]];
  const ticked = await house.post(path, { do: 'tick', runbook: social, step: step.value }, 'responder');
  expect([ticked.status, ticked.headers.location]).toEqual([
    303,
    `${path}?runbook=${social}#step-${step.value}`,
  ]);
  const second = (await house.get(`${path}?runbook=${social}`)).body;
  expect(stepsIn(second).find(({ value }) => value === step.value)).toEqual({
    name: 'again',
    value: step.value,
    pressed: 'true',
  });
  expect(words(second)).toMatch(/Rui Costa, +\d\d:\d\d/);
  expect(second).toMatch(new RegExp(`<details[^>]* open[^>]* data-runbook="${social}"`));
  await house.post(path, { do: 'tick', runbook: social, again: step.value });
  for (const { value } of all) await house.post(path, { do: 'tick', runbook: social, step: value });
  const whole = (await house.get(path)).body;
  expect(words(whole)).toContain('Runbooks all done');
  expect(whole).toMatch(/<details class="whole"(?![^>]* open)/);

  // Who only looks has no buttons, and may press none.
  const seen = (await house.get(path, 'viewer')).body;
  expect(stepsIn(seen)).toEqual([]);
  expect(seen).toContain('aria-label="Done:"');
  expect((await house.post(path, { do: 'tick', runbook: social, again: step.value }, 'viewer')).status).toBe(
    403,
  );
});

it('adds one by hand, takes off what is not needed, and says so when it is too late for either', async () => {
  const comms = house.as('comms');
  const id = await saveRunbook(comms, null, {
    title: 'For low ones',
    severities: ['SEV4'],
    componentId: null,
    ownerId: null,
    steps: [{ text: 'Look', link: 'https://look.example/' }],
  });
  const incident = `/admin/incidents/${(await house.incident()).id}`;
  expect(runbookIn((await house.get(incident)).body, 'For low ones')).toBeUndefined();
  const added = await house.post(incident, { do: 'addRunbook', runbook: id });
  expect(added.headers.location).toBe(`${incident}?done=runbookAdded#runbooks`);
  const { body } = await house.get(incident);
  const own = runbookIn(body, 'For low ones');
  expect(words(body)).toContain('Added by Noor Aziz');
  expect(body).toMatch(/href="https:\/\/look\.example\/" target="_blank" rel="noreferrer"/);
  expect(body).toContain(`href="/admin/runbooks/${id}"`);
  const twice = await house.post(incident, { do: 'addRunbook', runbook: id });
  expect([twice.status, words(twice.body)]).toEqual([
    409,
    expect.stringContaining('The incident has this runbook already.'),
  ]);
  expect((await house.post(incident, { do: 'addRunbook', runbook: 'nowhere' })).status).toBe(404);
  expect((await house.post(incident, { do: 'takeOff', runbook: own })).headers.location).toBe(
    `${incident}?done=runbookOff#runbooks`,
  );
  expect((await house.post(incident, { do: 'takeOff', runbook: own })).status).toBe(404);
  for (const step of ['0', '-1', 'x', '99999999999999999999'])
    expect((await house.post(incident, { do: 'tick', runbook: own, step })).status).toBe(404);
});

it('tells its owner on the first screen, and nobody else, that a review is overdue', async () => {
  const comms = house.as('comms');
  const ago = addMs(comms.now(), -100 * DAY);
  const id = await saveRunbook({ ...comms, now: () => ago }, null, {
    title: 'Old ways',
    severities: ['SEV4'],
    componentId: null,
    ownerId: comms.actor.kind === 'user' ? comms.actor.id : null,
    steps: [{ text: 'Look', link: null }],
  });
  const line = 'A runbook that you keep waits for its review: Old ways';
  expect(words((await house.get('/admin')).body)).toContain(line);
  expect(words((await house.get('/admin', 'owner')).body)).not.toContain('Old ways');
  const list = words((await house.get('/admin/runbooks', 'viewer')).body);
  expect(list).toMatch(
    /Review overdue Old ways SEV4\. Kept by Noor Aziz\. Reviewed .* the review was due by/,
  );
  await house.post(`/admin/runbooks/${id}`, { do: 'review', version: '1' });
  expect(words((await house.get('/admin')).body)).not.toContain('Old ways');
});
