import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { briefText } from '#domain/brief.ts';
import { AppError } from '#domain/errors.ts';
import { DAY, HOUR } from '#domain/time.ts';
import { readAudit } from '#services/audit.ts';
import { createBriefLink, getBrief, readSharedBrief } from '#services/brief.ts';
import {
  addIncidentRunbook,
  listIncidentRunbooks,
  removeRunbook,
  tickStep,
} from '#services/incidentRunbooks.ts';
import { correctComponents, getIncident } from '#services/incidents.ts';
import {
  deleteRunbook,
  getRunbook,
  listOverdueOwn,
  listRunbookOwners,
  listRunbooks,
  type RunbookInput,
  reviewRunbook,
  runbookInput,
  saveRunbook,
  takeSuggestedRunbooks,
} from '#services/runbooks.ts';
import { eachDatabase } from '../support/databases.ts';
import { incidentHouse } from './incidentHouse.ts';
import { sealedHouse } from './sealedHouse.ts';

const input = (changes: Partial<Record<keyof RunbookInput, unknown>> = {}) =>
  runbookInput.parse({
    title: 'Social media watch',
    severities: ['SEV2', 'SEV1'],
    componentId: '',
    ownerId: '',
    steps: 'Pause campaigns\nWatch mentions https://watch.example/',
    ...changes,
  });

const codeOf = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => null,
    (thrown) => thrown,
  );
  if (error !== null && !(error instanceof AppError)) throw error;
  return error === null ? null : [error.code, ...error.problems.map(({ field }) => field)].join(' ');
};

eachDatabase('runbooks', (fresh) => {
  it('are written, changed, reviewed and deleted, each change on record with what stood before', async () => {
    const { ctx, checkout, house } = await people(fresh);
    const id = await saveRunbook(ctx, null, input({ ownerId: 'user-comms' }));
    expect(await listRunbooks(ctx)).toMatchObject([
      {
        id,
        title: 'Social media watch',
        severities: ['SEV1', 'SEV2'],
        component: null,
        steps: [
          { text: 'Pause campaigns', link: null },
          { text: 'Watch mentions', link: 'https://watch.example/' },
        ],
        owner: { id: 'user-comms', canSignIn: true },
        reviewed: { at: '2026-11-20T14:00:00.000Z', by: 'comms person' },
        review: { due: '2027-02-20', overdue: false },
        version: 1,
      },
    ]);
    ctx.clock.advance(HOUR);
    const changed = input({ title: 'Watch', steps: 'Only this', componentId: checkout.id, ownerId: '' });
    await saveRunbook(ctx.as('responder'), { id, version: 1 }, changed);
    const { runbook, history } = await getRunbook(ctx, id);
    expect(runbook).toMatchObject({
      title: 'Watch',
      component: { id: checkout.id, name: 'Checkout' },
      owner: null,
      version: 2,
      // To change it is not to have read all of it.
      reviewed: { at: '2026-11-20T14:00:00.000Z' },
    });
    expect(history.map(({ actor, action, before }) => [actor, action, before])).toEqual([
      ['responder person', 'runbook.change', 'Pause campaigns\nWatch mentions https://watch.example/'],
      ['comms person', 'runbook.create', null],
    ]);
    await reviewRunbook(ctx, { id, version: 2 });
    expect((await getRunbook(ctx, id)).runbook.reviewed?.at).toBe('2026-11-20T15:00:00.000Z');
    await deleteRunbook(ctx, id);
    expect(await listRunbooks(ctx)).toEqual([]);
    const { rows } = await readAudit(ctx.as('owner'), null);
    expect(rows.filter(({ subjectKind }) => subjectKind === 'runbook').map((row) => row.detail)).toEqual([
      { title: 'Watch', stepsBefore: 'Only this' },
      { title: 'Watch' },
      {
        title: 'Watch',
        titleBefore: 'Social media watch',
        forBefore: 'SEV1 and SEV2',
        ownerBefore: house['user-comms'],
        stepsBefore: 'Pause campaigns\nWatch mentions https://watch.example/',
      },
      { title: 'Social media watch' },
    ]);
  });

  it('are refused when someone was faster, when a name is taken, and when a component or owner is none', async () => {
    const { ctx } = await people(fresh);
    const id = await saveRunbook(ctx, null, input());
    const other = await saveRunbook(ctx, null, input({ title: 'Legal' }));
    await saveRunbook(ctx, { id, version: 1 }, input({ steps: 'New' }));
    expect(await codeOf(saveRunbook(ctx, { id, version: 1 }, input({ steps: 'Mine' })))).toBe('conflict');
    expect(await codeOf(reviewRunbook(ctx, { id, version: 1 }))).toBe('conflict');
    expect((await getRunbook(ctx, id)).runbook.steps).toEqual([{ text: 'New', link: null }]);
    expect(
      await codeOf(saveRunbook(ctx, { id: other, version: 1 }, input({ title: 'SOCIAL media watch' }))),
    ).toBe('invalid title');
    expect(await codeOf(saveRunbook(ctx, null, input({ title: 'x', componentId: 'nowhere' })))).toBe(
      'invalid componentId',
    );
    // Nobody, someone who may change none, someone who can no longer sign in.
    for (const ownerId of ['nobody', 'user-viewer', 'gone'])
      expect(await codeOf(saveRunbook(ctx, null, input({ title: 'x', ownerId })))).toBe('invalid ownerId');
    expect((await listRunbookOwners(ctx)).map(({ id }) => id)).toEqual([
      'user-comms',
      'user-owner',
      'user-responder',
    ]);
    for (const deed of [
      () => saveRunbook(ctx, { id: 'nowhere', version: 1 }, input({ title: 'y' })),
      () => reviewRunbook(ctx, { id: 'nowhere', version: 1 }),
      () => deleteRunbook(ctx, 'nowhere'),
      () => getRunbook(ctx, 'nowhere'),
    ])
      expect(await codeOf(deed())).toBe('not_found');
  });

  it('are overdue a quarter after their review, which their owner is told and nobody else', async () => {
    const { ctx } = await people(fresh);
    const id = await saveRunbook(ctx, null, input({ ownerId: 'user-responder' }));
    await saveRunbook(ctx, null, input({ title: 'Legal' }));
    ctx.clock.set('2027-02-20T23:59:00.000Z');
    expect(await listOverdueOwn(ctx.as('responder'))).toEqual([]);
    ctx.clock.advance(2 * 60_000);
    expect(await listOverdueOwn(ctx.as('responder'))).toMatchObject([{ id, review: { overdue: true } }]);
    expect(await listOverdueOwn(ctx)).toEqual([]);
    await reviewRunbook(ctx.as('responder'), { id, version: 1 });
    expect(await listOverdueOwn(ctx.as('responder'))).toEqual([]);
  });

  it('begin from suggestions, unreviewed, once, and leave what is there alone', async () => {
    const { ctx } = await people(fresh);
    await saveRunbook(ctx, null, input({ title: 'support MACROS', steps: 'Ours' }));
    expect(await takeSuggestedRunbooks(ctx)).toBe(2);
    expect(await takeSuggestedRunbooks(ctx)).toBe(0);
    const all = await listRunbooks(ctx);
    expect(all.map(({ title, reviewed, owner }) => [title, reviewed === null, owner?.id])).toEqual([
      ['Legal and privacy', true, 'user-comms'],
      ['Social media watch', true, 'user-comms'],
      ['support MACROS', false, undefined],
    ]);
  });
});

eachDatabase('the runbooks of an incident', (fresh) => {
  it('are those that fit it, copied with the closing step, and stay as they were copied', async () => {
    const { ctx, declare, cart } = await people(fresh);
    const social = await saveRunbook(ctx, null, input());
    await saveRunbook(ctx, null, input({ title: 'Cart', severities: [], componentId: cart.id }));
    await saveRunbook(ctx, null, input({ title: 'Low', severities: ['SEV4'] }));
    const { id } = await declare();
    const { given, others } = await listIncidentRunbooks(ctx, id);
    expect(given).toMatchObject([
      {
        runbookId: social,
        exists: true,
        title: 'Social media watch',
        addedBy: null,
        steps: [
          { text: 'Pause campaigns', link: null, closing: false, done: null },
          { text: 'Watch mentions', link: 'https://watch.example/', closing: false, done: null },
          { text: 'Update the runbook', link: null, closing: true, done: null },
        ],
      },
    ]);
    expect(others.map(({ title }) => title)).toEqual(['Cart', 'Low']);

    await tickStep(ctx, { incidentId: id, step: given[0]?.steps[0]?.seq as number, done: true });
    const before = (await listIncidentRunbooks(ctx, id)).given;
    await saveRunbook(ctx, { id: social, version: 1 }, input({ title: 'Other', steps: 'Quite other' }));
    expect((await listIncidentRunbooks(ctx, id)).given).toEqual(before);
    await deleteRunbook(ctx, social);
    expect((await listIncidentRunbooks(ctx, id)).given).toEqual([{ ...before[0], exists: false }]);
  });

  it('are ticked off and opened again, by whom and when, each on record once', async () => {
    const { ctx, declare, db } = await people(fresh);
    await saveRunbook(ctx, null, input());
    const { id } = await declare();
    const step = (await steps(ctx, id))[0]?.seq as number;
    await tickStep(ctx, { incidentId: id, step, done: true });
    ctx.clock.advance(HOUR);
    // Two who press at once: the first has done it.
    await tickStep(ctx.as('responder'), { incidentId: id, step, done: true });
    expect((await steps(ctx, id))[0]?.done).toEqual({ at: '2026-11-20T14:00:00.000Z', by: 'comms person' });
    await tickStep(ctx.as('responder'), { incidentId: id, step, done: false });
    await tickStep(ctx, { incidentId: id, step, done: false });
    expect((await steps(ctx, id))[0]?.done).toBeNull();
    const said = await db.read((tx) =>
      tx
        .selectFrom('audit')
        .select(['action', 'actor_label', 'detail'])
        .where('action', 'like', 'incident.%tick')
        .orderBy('seq')
        .execute(),
    );
    expect(said).toEqual([
      {
        action: 'incident.tick',
        actor_label: 'comms person',
        detail: '{"runbook":"Social media watch","step":"Pause campaigns"}',
      },
      {
        action: 'incident.untick',
        actor_label: 'responder person',
        detail: '{"runbook":"Social media watch","step":"Pause campaigns"}',
      },
    ]);
    // The timeline is for what happened to the incident, not for each tick.
    expect((await getIncident(ctx, id)).facts.map(({ text }) => text)).toEqual(['Declared as SEV1']);
    const other = (await declare()).id;
    expect(await codeOf(tickStep(ctx, { incidentId: other, step, done: true }))).toBe('not_found');
    expect((await steps(ctx, id))[0]?.done).toBeNull();
  });

  it('follow its severity and components: new ones come, untouched ones go, begun ones stay', async () => {
    const { ctx, declare, say, cart, checkout } = await people(fresh);
    await saveRunbook(ctx, null, input({ title: 'A high', severities: ['SEV1'] }));
    await saveRunbook(ctx, null, input({ title: 'B low', severities: ['SEV3'] }));
    await saveRunbook(ctx, null, input({ title: 'C cart', severities: [], componentId: cart.id }));
    await saveRunbook(ctx, null, input({ title: 'D both', severities: ['SEV3'], componentId: cart.id }));
    const { id } = await declare({ severity: 'SEV3' });
    expect(await titles(ctx, id)).toEqual(['B low']);
    await say(id, { audience: 'internal', severity: 'SEV1' });
    expect(await titles(ctx, id)).toEqual(['A high']);
    await say(id, { components: [{ id: cart.id, status: 'degraded_performance' }] });
    expect(await titles(ctx, id)).toEqual(['A high', 'C cart']);
    await tickStep(ctx, { incidentId: id, step: (await steps(ctx, id))[0]?.seq as number, done: true });
    await say(id, { severity: 'SEV3' });
    expect(await titles(ctx, id)).toEqual(['A high', 'C cart', 'B low', 'D both']);
    // One that recovers is still one that it touched; one that was never affected is not.
    await say(id, { components: [{ id: cart.id, status: 'operational' }] });
    expect(await titles(ctx, id)).toEqual(['A high', 'C cart', 'B low', 'D both']);
    const { version } = await getIncident(ctx, id);
    await correctComponents(ctx, {
      incidentId: id,
      version,
      components: [
        { id: cart.id, status: 'operational' },
        { id: checkout.id, status: 'partial_outage' },
      ],
    });
    expect(await titles(ctx, id)).toEqual(['A high', 'B low']);
    // What is over is left alone until it opens again.
    await say(id, { status: 'resolved', reason: 'Seen to work', severity: 'SEV4' });
    expect(await titles(ctx, id)).toEqual(['A high', 'B low']);
    await say(id, { status: 'investigating' });
    expect(await titles(ctx, id)).toEqual(['A high']);
  });

  it('can be added by hand, and taken off while nothing is done', async () => {
    const { ctx, declare, say } = await people(fresh);
    const high = await saveRunbook(ctx, null, input({ title: 'High', severities: ['SEV1'] }));
    const low = await saveRunbook(ctx, null, input({ title: 'Low', severities: ['SEV4'] }));
    const { id } = await declare();
    await addIncidentRunbook(ctx, { incidentId: id, runbookId: low });
    expect(await codeOf(addIncidentRunbook(ctx, { incidentId: id, runbookId: low }))).toBe('conflict');
    expect(await codeOf(addIncidentRunbook(ctx, { incidentId: id, runbookId: 'no' }))).toBe(
      'not_found runbook',
    );
    expect((await listIncidentRunbooks(ctx, id)).given.map(({ addedBy }) => addedBy)).toEqual([
      null,
      'comms person',
    ]);
    // What a person added stays, whatever the severity.
    await say(id, { severity: 'SEV2' });
    expect(await titles(ctx, id)).toEqual(['Low']);
    await say(id, { severity: 'SEV1' });
    const [lowHere, highHere] = (await listIncidentRunbooks(ctx, id)).given;
    await tickStep(ctx, { incidentId: id, step: lowHere?.steps[1]?.seq as number, done: true });
    expect(await codeOf(removeRunbook(ctx, { incidentId: id, runbook: lowHere?.seq as number }))).toBe(
      'conflict',
    );
    await removeRunbook(ctx, { incidentId: id, runbook: highHere?.seq as number });
    expect(await codeOf(removeRunbook(ctx, { incidentId: id, runbook: highHere?.seq as number }))).toBe(
      'not_found',
    );
    expect(
      await codeOf(tickStep(ctx, { incidentId: id, step: highHere?.steps[0]?.seq as number, done: true })),
    ).toBe('not_found');
    // Taken off, it does not come back by itself; by hand it does, as it reads now.
    await say(id, { severity: 'SEV2' });
    await say(id, { severity: 'SEV1' });
    expect(await titles(ctx, id)).toEqual(['Low']);
    await saveRunbook(ctx, { id: high, version: 1 }, input({ title: 'High', steps: 'New words' }));
    await addIncidentRunbook(ctx, { incidentId: id, runbookId: high });
    expect((await listIncidentRunbooks(ctx, id)).given.at(-1)?.steps[0]?.text).toBe('New words');
  });

  it('are in the brief by their number alone, and behind no link', async () => {
    const { ctx, declare } = await people(fresh);
    await saveRunbook(ctx, null, input({ title: 'Zqtitle', steps: 'Zqstep\nZqother' }));
    const { id } = await declare();
    const shown = async () => {
      const { brief } = await getBrief(ctx, id);
      return briefText(brief, ctx.now(), 'UTC');
    };
    expect(await shown()).toContain('- 3 steps of runbooks');
    expect(await shown()).not.toContain('Zq');
    for (const { seq } of (await steps(ctx, id)).slice(1))
      await tickStep(ctx, { incidentId: id, step: seq, done: true });
    expect(await shown()).toContain('- 1 step of runbooks');
    await createBriefLink(ctx, { incidentId: id, tokenHash: 'x', hours: 1, shows: 'inside' });
    const shared = await readSharedBrief({ ...ctx, actor: { kind: 'visitor' } }, 'x');
    expect(shared.brief.inside?.openSteps).toBeNull();
    expect(briefText(shared.brief, shared.now, 'UTC')).not.toMatch(/runbook|Zq/);
    await tickStep(ctx, { incidentId: id, step: (await steps(ctx, id))[0]?.seq as number, done: true });
    expect(await shown()).not.toContain('runbook');
  });

  it('are nobody’s but its viewers’ while it is restricted', async () => {
    const { ctx, as, seal, write } = await sealedHouse(fresh);
    await saveRunbook(ctx, null, input({ severities: ['SEV1'] }));
    await saveRunbook(ctx, null, input({ title: 'Low', severities: ['SEV4'] }));
    const { id } = await seal();
    const sela = as('sela');
    const { given, others } = await listIncidentRunbooks(sela, id);
    const step = given[0]?.steps[0]?.seq as number;
    await tickStep(sela, { incidentId: id, step, done: true });
    const runbookId = others[0]?.id as string;
    for (const stranger of [as('kim'), as('user-owner'), as('user-responder')]) {
      for (const attempt of [
        () => listIncidentRunbooks(stranger, id),
        () => tickStep(stranger, { incidentId: id, step, done: false }),
        () => addIncidentRunbook(stranger, { incidentId: id, runbookId }),
        () => removeRunbook(stranger, { incidentId: id, runbook: given[0]?.seq as number }),
      ])
        expect(await codeOf(attempt())).toBe('not_found');
    }
    expect((await steps(as('noor'), id))[0]?.done).toEqual({ at: '2026-11-20T14:00:00.000Z', by: 'sela' });
    // Once it is published, everyone sees what is done; who did it before then stays with those who saw it.
    ctx.clock.advance(DAY);
    await write('noor', id, { body: 'It is known.' });
    expect((await steps(as('kim'), id))[0]?.done).toEqual({ at: null, by: null });
    expect((await steps(sela, id))[0]?.done).toMatchObject({ by: 'sela' });
    await tickStep(as('kim'), { incidentId: id, step: given[0]?.steps[1]?.seq as number, done: true });
    expect((await steps(as('user-viewer'), id))[1]?.done).toMatchObject({ by: 'kim' });
  });
});

/** A house with one person of each role, and one who can no longer sign in. */
async function people(fresh: () => Promise<Db>) {
  const made = await incidentHouse(fresh);
  const roles = ['owner', 'comms', 'responder', 'viewer'] as const;
  const users = [
    ...roles.map((role) => [`user-${role}`, role, null] as const),
    ['gone', 'comms', 'x'] as const,
  ];
  await made.db.write(async (tx) => {
    for (const [id, role, disabled] of users)
      await tx
        .insertInto('users')
        .values({
          id,
          email: `${id}@example.com`,
          name: `${role} person`,
          role,
          password_hash: 'x',
          created_at: '2026-01-01T00:00:00.000Z',
          disabled_at: disabled && '2026-02-01T00:00:00.000Z',
        })
        .execute();
  });
  return { ...made, house: Object.fromEntries(users.map(([id, role]) => [id, `${role} person`])) };
}

type Asking = Parameters<typeof listIncidentRunbooks>[0];

const titles = async (ctx: Asking, id: string) =>
  (await listIncidentRunbooks(ctx, id)).given.map(({ title }) => title);
const steps = async (ctx: Asking, id: string) =>
  (await listIncidentRunbooks(ctx, id)).given.flatMap((runbook) => runbook.steps);
