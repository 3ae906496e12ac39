import { expect, it } from 'vitest';
import { DEFAULT_POLICIES } from '#domain/severity.ts';
import { MINUTE } from '#domain/time.ts';
import { postWhenLate } from '#services/automaticPosts.ts';
import { readAutomaticTrouble } from '#services/automaticTrouble.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { changeTitle, dueNow, listIncidents } from '#services/incidents.ts';
import { getPolicies, savePolicies } from '#services/policies.ts';
import { getStatusPage } from '#services/publicPage.ts';
import { callStaff, haveIt } from '#services/staffCalls.ts';
import { approveTemplate, listTemplates, saveTemplate } from '#services/templates.ts';
import { userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { incidentHouse } from './incidentHouse.ts';

const FIRST = 'Since {{started}}, {{components}} may fail or be slow. We are looking for the cause.';
const HOLDING = 'We are still working on it. The next word comes by {{next_update}}.';

eachDatabase('posts by themselves', (fresh) => {
  /** A SEV1 may be spoken for by two approved texts; anything else may not. */
  async function house({ approved = true, needsApproval = false } = {}) {
    const made = await incidentHouse(fresh);
    const { ctx, db, declare } = made;
    await db.write((tx) =>
      tx
        .insertInto('users')
        .values({
          id: 'mia',
          email: 'mia@example.com',
          name: 'Mia',
          role: 'comms',
          password_hash: 'x',
          created_at: ctx.now(),
          disabled_at: null,
        })
        .execute(),
    );
    const owner = { ...ctx, actor: userActor('owner') };
    const { current } = await getPolicies(ctx);
    const SEV1 = { ...DEFAULT_POLICIES.SEV1, postWhenLate: true, needsApproval };
    await savePolicies(owner, { ...DEFAULT_POLICIES, SEV1, hours: current.hours, reason: null } as never);
    const texts = [
      { kind: 'initial', body: FIRST },
      { kind: 'holding', body: HOLDING },
    ] as const;
    for (const { kind, body } of texts) {
      const id = await saveTemplate(ctx, null, { kind, variant: '', name: kind, body, status: null });
      if (approved) await approveTemplate(ctx, { id, body, approved: true });
    }
    const incident = await declare({
      title: 'payments-db of tenant 4711 is out of memory',
      scope: 'Rack 3, tenant 4711',
    });
    /** Lets minutes pass, a minute at a time, as the clock's duties see them. */
    const pass = async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute++) {
        ctx.clock.advance(MINUTE);
        await callStaff(ctx);
        await postWhenLate(ctx);
      }
    };
    /** What was said in public, the oldest first. */
    const said = async () =>
      (await made.get(incident.id)).updates
        .filter(({ audience }) => audience === 'public')
        .map(({ postedAt, author, body }) => `${postedAt.slice(11, 16)} ${author}: ${body}`)
        .reverse();
    const calls = async () =>
      (
        await db.read((tx) =>
          tx
            .selectFrom('notices')
            .select(['created_at', 'subject'])
            .where('kind', '=', 'call')
            .orderBy('seq')
            .execute(),
        )
      ).map(({ created_at, subject }) => `${created_at.slice(11, 16)} ${subject}`);
    return { ...made, owner, incident, pass, said, calls };
  }

  const ME = 'Foghorn, automatically';
  const MARK = '\n\n*This update was posted automatically.*';

  it('the first word and one more, marked, under a title for visitors; then it waits for a person, whom it goes on calling', async () => {
    const { ctx, db, incident, pass, said, calls, get, statusOf, checkout, say } = await house();
    await makeSubscribers(db, 3);
    await pass(120);
    expect(await said()).toEqual([
      `14:05 ${ME}: Since 14:00 UTC, Checkout may fail or be slow. We are looking for the cause.${MARK}`,
      `14:35 ${ME}: We are still working on it. The next word comes by 15:05 UTC.${MARK}`,
    ]);
    expect((await get(incident.id)).title).toBe('Trouble with Checkout');
    expect(await statusOf(checkout.id)).toBe('major_outage');
    expect(JSON.stringify(await getStatusPage(ctx))).not.toContain('4711');
    const mails = await db.read((tx) =>
      tx
        .selectFrom('notices')
        .select(['subject', 'text'])
        .where('kind', '=', 'update')
        .where('since_update_seq', 'is', null)
        .execute(),
    );
    expect(mails.map(({ subject }) => subject)).toEqual([
      '[Investigating] Trouble with Checkout',
      '[Investigating] Trouble with Checkout',
    ]);
    for (const { text } of mails) expect(text).toContain('This update was posted automatically.');
    // Nobody has done what they were called for at 14:05, so they are called about that and about nothing else.
    const late = (await calls()).filter((call) => call.includes('Late: public update'));
    expect(late[0]).toMatch(/^14:10 .*was due 14:05 UTC/);
    expect(late.length).toBe(23);
    expect((await calls()).filter((call) => /public update due/i.test(call) && call > '14:06')).toEqual([]);

    await say(incident.id, { status: 'identified', body: 'The card processor is down.' });
    const before = (await calls()).length;
    await pass(19);
    expect((await calls()).slice(before).filter((call) => /public/.test(call))).toEqual([]);
    await pass(16);
    expect((await said()).at(-1)).toBe(
      `16:30 ${ME}: We are still working on it. The next word comes by 17:00 UTC.${MARK}`,
    );
  });

  it('is no word of anybody’s: what is due on every screen is what people are called about, until one posts', async () => {
    const { ctx, incident, pass, say } = await house();
    const firstDue = async () => (await dueNow(ctx)).find(({ what }) => what !== 'internal update');
    await pass(6);
    const late = {
      what: 'first update',
      due: '2026-11-20T14:05:00.000Z',
      state: 'late',
      automatic: true,
    };
    expect(await firstDue()).toMatchObject(late);
    const { open } = await listIncidents(ctx, { kind: 'incident', limit: 10 });
    expect(open[0]?.clock).toMatchObject(late);
    await pass(30);
    expect(await firstDue()).toMatchObject(late);
    await say(incident.id, { body: 'We know why.' });
    await pass(21);
    expect(await firstDue()).toMatchObject({
      what: 'next update',
      due: '2026-11-20T15:06:00.000Z',
      automatic: false,
    });
    // Late again, and spoken for once more: it is the next one that is awaited of a person.
    await pass(10);
    expect(await firstDue()).toMatchObject({
      what: 'next update',
      due: '2026-11-20T15:06:00.000Z',
      automatic: true,
    });
  });

  it('the first word leaves the status as the team has it inside', async () => {
    const { ctx, incident, pass, get, say } = await house();
    await say(incident.id, { audience: 'internal', status: 'monitoring', body: 'A restart helped.' });
    await pass(6);
    const after = await get(incident.id);
    expect(after.status).toBe('monitoring');
    expect(after.updates[0]).toMatchObject({ audience: 'public', status: 'monitoring', automatic: true });
    expect((await getStatusPage(ctx)).incidents[0]?.status).toBe('monitoring');
  });

  it('says nowhere what was declared for colleagues: neither its title nor where it is felt', async () => {
    const { ctx, db, incident, pass, get } = await house();
    await makeSubscribers(db, 1);
    await pass(6);
    expect(await get(incident.id)).toMatchObject({ title: 'Trouble with Checkout', scope: null });
    const mails = await db.read((tx) =>
      tx.selectFrom('notices').selectAll().where('kind', '=', 'update').execute(),
    );
    expect(mails.length).toBe(1);
    expect(JSON.stringify([mails, await getStatusPage(ctx)])).not.toMatch(/4711|Rack 3/);
  });

  it('not while somebody has it; not what is restricted; not where the policy is silent; not without an approved text', async () => {
    const one = await house();
    const mia = { ...one.ctx, actor: { ...userActor('comms'), id: 'mia', name: 'Mia' } };
    one.ctx.clock.advance(4 * MINUTE);
    await haveIt(mia, { incidentId: one.incident.id, clock: 'public' });
    await one.pass(14);
    expect(await one.said()).toEqual([]);
    await one.pass(2);
    expect((await one.said()).length).toBe(1);

    const two = await house();
    await two.db.write((tx) => tx.updateTable('incidents').set({ restricted: 1 }).execute());
    await two.declare({ severity: 'SEV2' });
    await two.pass(60);
    expect(await two.db.read((tx) => tx.selectFrom('updates').selectAll().execute())).toEqual([]);

    const three = await house({ approved: false });
    await three.pass(60);
    expect(await three.said()).toEqual([]);
  });

  it('two processes at the same moment post it once, and a form that was open is told', async () => {
    const { ctx, incident, said, get } = await house();
    const { version } = await get(incident.id);
    ctx.clock.advance(6 * MINUTE);
    expect((await Promise.all([postWhenLate(ctx), postWhenLate(ctx), postWhenLate(ctx)])).sort()).toEqual([
      0, 0, 1,
    ]);
    expect((await said()).length).toBe(1);
    await expect(
      changeTitle(ctx, { incidentId: incident.id, version, title: 'Other' }),
    ).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('an approval is for the wording that was read, and ends with any change', async () => {
    const { ctx } = await house({ approved: false });
    const [first] = await listTemplates(ctx);
    const { id, body } = first as NonNullable<typeof first>;
    await expect(approveTemplate(ctx, { id, body: 'Older words', approved: true })).rejects.toMatchObject({
      code: 'conflict',
    });
    await approveTemplate(ctx, { id, body, approved: true });
    expect((await listTemplates(ctx))[0]?.approved).toEqual({ at: ctx.now(), by: expect.any(String) });
    await saveTemplate(ctx, id, { kind: 'initial', variant: '', name: 'Renamed', body, status: null });
    expect((await listTemplates(ctx))[0]?.approved).toBeNull();
    const gap = await saveTemplate(ctx, null, {
      kind: 'initial',
      variant: '',
      name: 'With a gap',
      body: 'It fails for {{affected}}.',
      status: null,
    });
    await expect(
      approveTemplate(ctx, { id: gap, body: 'It fails for {{affected}}.', approved: true }),
    ).rejects.toThrow('{{affected}}, which may be unknown');
  });

  it('wait for no approver where people’s words do: these were approved before anything happened', async () => {
    const { pass, said } = await house({ needsApproval: true });
    await pass(10);
    expect((await said())[0]).toMatch(/^14:05 Foghorn, automatically: Since /);
  });

  it('that cannot be made, for want of a text that someone approved, are said to be so at the top of the admin', async () => {
    const { owner, ctx } = await house({ approved: false });
    const [trouble] = await readAutomaticTrouble(ctx);
    expect(trouble?.message).toBe(
      'When nobody speaks about a late SEV1, Foghorn is to post by itself, and there is no approved first word and no approved holding text: it will post nothing.',
    );
    const { more, message } = await getDeliveryHealth(ctx);
    expect([message, ...more.map((item) => item.message)]).toContain(trouble?.message);
    for (const { id, body, kind } of await listTemplates(ctx))
      if (kind === 'initial' && body === FIRST) await approveTemplate(ctx, { id, body, approved: true });
    expect((await readAutomaticTrouble(ctx))[0]?.message).toContain('there is no approved holding text:');
    for (const { id, body, kind } of await listTemplates(ctx))
      if (kind === 'holding' && body === HOLDING) await approveTemplate(ctx, { id, body, approved: true });
    expect(await readAutomaticTrouble(ctx)).toEqual([]);
    const { current } = await getPolicies(ctx);
    await savePolicies(owner, { ...DEFAULT_POLICIES, hours: current.hours, reason: null } as never);
    expect(await readAutomaticTrouble(ctx)).toEqual([]);
  });
});
