import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertPolicies } from '#db/policies.ts';
import { DEFAULT_HOURS } from '#domain/cadence.ts';
import { DEFAULT_POLICIES } from '#domain/severity.ts';
import { addMs, MINUTE } from '#domain/time.ts';
import { getIncident, postUpdate } from '#services/incidents.ts';
import { setApprover } from '#services/users.ts';
import { type House, openHouse } from './adminHouse.ts';

describe('what only some may see or publish, by its forms alone', () => {
  let house: House;
  const idOf = (role: 'owner' | 'comms') => {
    const { actor } = house.as(role);
    return actor.kind === 'user' ? actor.id : '';
  };
  beforeAll(async () => {
    house = await openHouse(3);
    await setApprover(house.as('owner'), { userId: idOf('owner'), approver: true });
  });
  afterAll(() => house?.close());

  it('is declared to named people, kept as typed while something is missing, and joined by an owner with a reason', async () => {
    const typed = { title: '', severity: 'SEV2', summary: 'It was in a public log.', viewers: idOf('comms') };
    const refused = await house.post('/admin/incidents/restricted', typed, 'responder');
    expect(refused.status).toBe(422);
    expect(refused.body).toContain('It was in a public log.');
    expect(refused.body).toContain('href="#title"');
    expect(refused.body).toMatch(new RegExp(`value="${idOf('comms')}" checked`));
    const { status, headers } = await house.post(
      '/admin/incidents/restricted',
      { ...typed, title: 'A key lay open' },
      'responder',
    );
    expect(status).toBe(303);
    const path = String(headers.location).replace(/\?.*/, '');
    const seen = await house.get(path, 'comms');
    expect(seen.body).toContain('A key lay open');
    // It is spoken of inside unless someone means otherwise.
    expect(seen.body).toMatch(/value="internal" checked/);
    expect((await house.get(path, 'owner')).status).toBe(404);

    const sealed = await house.get('/admin/settings/restricted', 'owner');
    expect(sealed.body).toContain('Seen by Noor Aziz and Rui Costa');
    expect(sealed.body).not.toContain('A key lay open');
    const incident = path.split('/').at(-1) as string;
    const without = await house.post('/admin/settings/restricted', { incident, reason: '' }, 'owner');
    expect(without.status).toBe(422);
    expect(without.body).toContain(`href="#reason-${incident}"`);
    const joined = await house.post(
      '/admin/settings/restricted',
      { incident, reason: 'The lawyer' },
      'owner',
    );
    expect([joined.status, (await house.get(path, 'owner')).status]).toEqual([303, 200]);

    const out = await house.post(path, { do: 'takeOut', user: idOf('owner') }, 'comms');
    expect([out.status, (await house.get(path, 'owner')).status]).toEqual([303, 404]);
    const unknown = await house.post(path, { do: 'letIn', viewers: 'nobody' }, 'comms');
    expect(unknown.status).toBe(422);
  });

  it('waits, is sent back, put in the form again, and published to the letter by one press', async () => {
    await house.db.write((tx) =>
      insertPolicies(tx, {
        policies: { ...DEFAULT_POLICIES, SEV1: { ...DEFAULT_POLICIES.SEV1, needsApproval: true } },
        hours: DEFAULT_HOURS,
        at: '2026-01-01T00:00:00.000Z',
        by: 'test',
        reason: null,
      }),
    );
    const { id } = await house.incident({ published: false });
    const path = `/admin/incidents/${id}`;
    const said = {
      do: 'post',
      version: '1',
      audience: 'public',
      status: 'investigating',
      severity: 'SEV1',
      body: 'All payments fail.',
      affected: 'card holders',
      next: 'policy',
    };
    const asked = await house.post(path, said);
    const approval = String(asked.headers.location);
    expect([asked.status, approval]).toEqual([
      303,
      expect.stringMatching(/^\/admin\/approvals\/[a-z0-9]{12}$/),
    ]);
    expect((await house.get(`/incidents/${id}`)).status).toBe(404);
    expect((await house.get('/admin', 'viewer')).body).toContain('waits for Mia Berg');
    expect((await house.get(path)).body).toContain('waits for Mia Berg');

    // Looking changes nothing; only its approver has the buttons.
    expect((await house.get(approval, 'viewer')).body).not.toContain('value="publish"');
    expect((await house.get(approval)).body).not.toContain('value="publish"');
    const screen = await house.get(approval, 'owner');
    expect(screen.body).toContain('Publish it, tell 3');
    expect((await house.get(`${approval}/mail`, 'owner')).body).toContain('All payments fail.');
    expect((await house.post(approval, { do: 'publish', reason: 'x' })).status).toBe(403);

    const mute = await house.post(approval, { do: 'sendBack', reason: '' }, 'owner');
    expect(mute.status).toBe(422);
    expect(mute.body).toContain('href="#reason"');
    const back = await house.post(approval, { do: 'sendBack', reason: 'Not all: cards.' }, 'owner');
    expect(back.status).toBe(303);
    expect((await house.get(path)).body).toContain('Not all: cards.');
    expect((await house.post(approval, { do: 'again' })).status).toBe(303);
    const form = (await house.get(path)).body;
    expect(form).toContain('All payments fail.');
    expect(form).toContain('card holders');

    const second = await house.post(path, { ...said, body: 'Card payments fail.' });
    const next = String(second.headers.location);
    // The approver sees what is promised, and may promise otherwise.
    const asked2 = (await house.get(next, 'owner')).body;
    expect(asked2).toContain('as SEV1 asks');
    const wrong = await house.post(next, { do: 'publish', next: 'at', nextAt: '2001-01-01T10:00' }, 'owner');
    expect(wrong.status).toBe(422);
    expect(wrong.body).toContain('href="#nextUpdateBy"');
    expect(wrong.body).toContain('value="2001-01-01T10:00"');
    expect((await house.post(next, { do: 'publish', next: '120' }, 'owner')).status).toBe(303);
    expect((await house.get(`/incidents/${id}`)).body).toContain('Card payments fail.');
    const { nextUpdateDue } = await getIncident(house.as('owner'), id);
    expect(Date.parse(nextUpdateDue ?? '') - Date.now()).toBeGreaterThan(118 * MINUTE);
    // What its author promised has passed by the time that someone reads it: the screen says what is promised instead.
    const ago = (minutes: number) => addMs(new Date().toISOString(), -minutes * MINUTE);
    const { version } = await getIncident(house.as('owner'), id);
    const late = await postUpdate(
      { ...house.as('comms'), now: () => ago(10) },
      {
        ...{ incidentId: id, version, audience: 'public', status: 'investigating', body: 'It goes on.' },
        ...{ components: [], notify: true, nextUpdateBy: ago(1) },
      },
    );
    const screen2 = await house.get(`/admin/approvals/${late.updateId}`, 'owner');
    expect(screen2.status).toBe(200);
    expect(screen2.body).toMatch(
      /Noor Aziz promised it by [^<]* UTC, which has passed\. Unless you choose otherwise, it promises/,
    );
    const written = { do: 'publish', next: 'written' };
    const done = await house.post(`/admin/approvals/${late.updateId}`, written, 'owner');
    expect(done.headers.location).toBe(`${path}?done=approvedLater#outgoing`);
    const twice = await house.post(next, { do: 'publish' }, 'owner');
    expect(twice.status).toBe(409);
    expect(twice.body).toContain('it waits no more');
  });
});
