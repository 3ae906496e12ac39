import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';
import { askAllApprovers, publishApproved, sendBack, takeBack } from '#services/approvals.ts';
import { getApproval, getApprovalOf, listWaiting } from '#services/approvalViews.ts';
import {
  assignRole,
  backfillIncident,
  changeTitle,
  declareAndPublish,
  editUpdate,
  getIncident,
} from '#services/incidents.ts';
import { callStaff, haveIt } from '#services/staffCalls.ts';
import { setApprover } from '#services/users.ts';
import { eachDatabase } from '../support/databases.ts';
import { approvalHouse } from './approvalHouse.ts';
import type { Name } from './sealedHouse.ts';

eachDatabase('an update that needs an approver', (fresh) => {
  const house = () => approvalHouse(fresh as () => Promise<Db>);

  it('waits with its text as it was written, and is posted to the letter when one agrees', async () => {
    const { as, declare, write, mails, ctx, version, db } = await house();
    const { id } = await declare();
    const before = await version();
    const asked = await write('kim', id, {
      body: 'Payments **fail**.',
      affected: 'Card holders',
      notify: true,
    });
    expect(asked).toEqual({
      updateId: expect.any(String),
      told: 0,
      inAudiences: 0,
      waitsFor: ['abel', 'noor'],
    });
    expect(await version()).toBe(before);
    expect((await getIncident(as('kim'), id)).updates).toEqual([]);
    expect(await mails()).toEqual(['14:00 abel, noor: [SEV1] Approve an update: Checkout is failing']);
    ctx.clock.advance(3 * MINUTE);
    expect(await listWaiting(as('user-viewer'))).toMatchObject([
      { waitsFor: ['abel', 'noor'], askedAt: '2026-11-20T14:00:00.000Z', due: '2026-11-20T14:05:00.000Z' },
    ]);
    const seen = await getApproval(as('abel'), asked.updateId);
    expect(seen).toMatchObject({ mayPublish: 'yes', hindered: null });
    expect(seen.mail?.text).toContain('Payments fail.');
    // Colleagues go on meanwhile: what is said inside does not make it stale.
    await write('user-responder', id, { audience: 'internal', body: 'It is the processor.' });
    await publishApproved(as('abel'), { approvalId: asked.updateId });
    const { updates } = await getIncident(as('kim'), id);
    expect(updates.filter(({ audience }) => audience === 'public')).toMatchObject([
      {
        id: asked.updateId,
        body: 'Payments **fail**.',
        affected: 'Card holders',
        author: 'kim',
        postedAt: '2026-11-20T14:03:00.000Z',
        notified: true,
      },
    ]);
    const reached = await db.read((tx) => tx.selectFrom('fanouts').select('expected').execute());
    expect(reached).toEqual([{ expected: 3 }]);
    expect(await listWaiting(as('kim'))).toEqual([]);
    await expect(publishApproved(as('noor'), { approvalId: asked.updateId })).rejects.toMatchObject({
      code: 'conflict',
      message: 'abel published it at 14:03 UTC: it waits no more.',
    });
  });

  it('cannot be approved by its author, nor by who is no approver', async () => {
    const { as, declare, write } = await house();
    const { id } = await declare();
    const { updateId, waitsFor } = await write('noor', id);
    expect(waitsFor).toEqual(['abel']);
    for (const name of ['noor', 'kim', 'user-owner'] as const)
      await expect(
        publishApproved(as(name), { approvalId: updateId, reason: 'In haste.' }),
      ).rejects.toMatchObject({ code: 'forbidden' });
    await expect(sendBack(as('kim'), { approvalId: updateId, reason: 'x' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect((await getIncident(as('kim'), id)).updates).toEqual([]);
  });

  it('is its author’s own when nobody else could, for a reason that is on record', async () => {
    const { as, declare, write, mails } = await house();
    const owner = as('user-owner');
    for (const userId of ['abel', 'noor']) await setApprover(owner, { userId, approver: false });
    const { id } = await declare();
    const { updateId } = await write('kim', id);
    expect(await mails()).toEqual([]);
    expect((await getApproval(as('kim'), updateId)).mayPublish).toBe('own');
    await expect(publishApproved(as('kim'), { approvalId: updateId })).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ field: 'reason' }],
    });
    await publishApproved(as('kim'), { approvalId: updateId, reason: 'All are asleep.' });
    const { updates, facts } = await getIncident(as('kim'), id);
    expect(updates).toHaveLength(1);
    expect(facts.find(({ text }) => text.includes('second pair'))?.note).toBe('All are asleep.');
  });

  it('is sent back with a reason that its author is mailed, and is not lost', async () => {
    const { as, declare, write, mails } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id, { body: 'It is all our fault.' });
    await expect(sendBack(as('noor'), { approvalId: updateId, reason: '' })).rejects.toMatchObject({
      code: 'invalid',
    });
    await sendBack(as('noor'), { approvalId: updateId, reason: 'Say what fails.' });
    expect((await mails()).at(-1)).toBe('14:00 kim: [SEV1] Sent back: Checkout is failing');
    expect(await getApprovalOf(as('kim'), id)).toMatchObject({
      state: 'sent_back',
      decidedBy: 'noor',
      reason: 'Say what fails.',
      input: { body: 'It is all our fault.' },
    });
    const again = await write('kim', id, { body: 'Payments fail.' });
    await publishApproved(as('noor'), { approvalId: again.updateId });
    expect(await getApprovalOf(as('kim'), id)).toBeNull();
  });

  it('is taken back by its author alone, and one waits at a time', async () => {
    const { as, declare, write } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id);
    await expect(write('user-comms', id)).rejects.toMatchObject({
      code: 'conflict',
      message: 'An update of kim waits for approval already.',
    });
    await expect(takeBack(as('user-comms'), updateId)).rejects.toMatchObject({ code: 'forbidden' });
    await takeBack(as('kim'), updateId);
    await expect(publishApproved(as('noor'), { approvalId: updateId })).rejects.toMatchObject({
      code: 'conflict',
    });
    await write('user-comms', id);
  });

  it('is not published into another state of things than it was written for', async () => {
    const { as, declare, write } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id);
    const { version } = await getIncident(as('kim'), id);
    await changeTitle(as('kim'), { incidentId: id, version, title: 'Search is failing' });
    expect((await getApproval(as('noor'), updateId)).hindered).toContain('the title was changed');
    await expect(publishApproved(as('noor'), { approvalId: updateId })).rejects.toMatchObject({
      code: 'conflict',
      message: 'Since this was written, the title was changed.',
    });
    // It waits still: it can be sent back.
    await sendBack(as('noor'), { approvalId: updateId, reason: 'The title.' });
    await write('kim', id);
  });

  it('promises the next word as its author wrote; once that time has passed, as the policy asks', async () => {
    const { as, declare, write, ctx } = await house();
    const { id } = await declare();
    const promised = await write('kim', id, { nextUpdateBy: '2026-11-20T14:20:00.000Z' });
    expect(await getApproval(as('noor'), promised.updateId)).toMatchObject({
      hindered: null,
      nextUpdateBy: '2026-11-20T14:20:00.000Z',
      promised: { at: '2026-11-20T14:20:00.000Z', hasPassed: false },
    });
    ctx.clock.advance(21 * MINUTE);
    const seen = await getApproval(as('noor'), promised.updateId);
    expect(seen).toMatchObject({
      hindered: null,
      nextUpdateBy: '2026-11-20T14:51:00.000Z',
      promised: { at: '2026-11-20T14:20:00.000Z', hasPassed: true },
    });
    expect(seen.mail?.text).toContain('14:51 UTC');
    await publishApproved(as('noor'), { approvalId: promised.updateId });
    const after = await getIncident(as('kim'), id);
    expect(after).toMatchObject({ nextUpdateDue: '2026-11-20T14:51:00.000Z' });
    expect(after.updates[0]).toMatchObject({ author: 'kim', nextUpdateBy: '2026-11-20T14:51:00.000Z' });
    expect(after.facts[0]?.text).toBe(
      'Approved kim’s update, which now promises the next by 14:51 UTC in place of 14:20 UTC',
    );
  });

  it('is given another promise by its approver, on record, and no word of it changes', async () => {
    const { as, declare, write } = await house();
    const { id } = await declare();
    const nextUpdateBy = '2026-11-20T14:10:00.000Z';
    const { updateId } = await write('kim', id, { body: 'Payments fail.', nextUpdateBy });
    const publish = (promise: string) => publishApproved(as('abel'), { approvalId: updateId, promise });
    await expect(publish('2026-11-20T13:59:00.000Z')).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ field: 'nextUpdateBy' }],
    });
    await publish('2026-11-20T15:00:00.000Z');
    const { updates, facts, nextUpdateDue } = await getIncident(as('kim'), id);
    expect(nextUpdateDue).toBe('2026-11-20T15:00:00.000Z');
    expect(updates).toMatchObject([{ body: 'Payments fail.', nextUpdateBy: '2026-11-20T15:00:00.000Z' }]);
    expect(facts[0]?.text).toContain('promises the next by 15:00 UTC in place of 14:10 UTC');
    const again = await write('kim', id, { nextUpdateBy: '2026-11-20T14:10:00.000Z' });
    await publishApproved(as('noor'), { approvalId: again.updateId, promise: 'policy' });
    expect(await getIncident(as('kim'), id)).toMatchObject({ nextUpdateDue: '2026-11-20T14:30:00.000Z' });
  });

  it('asks those at it first, and everyone once it is late; each once', async () => {
    const { as, declare, write, mails, ctx } = await house();
    const { id } = await declare();
    await assignRole(as('kim'), { incidentId: id, role: 'incident_commander', userId: 'noor' });
    expect((await write('kim', id)).waitsFor).toEqual(['noor']);
    ctx.clock.advance(5 * MINUTE - 1);
    expect(await askAllApprovers(ctx)).toBe(0);
    ctx.clock.advance(1);
    expect(await askAllApprovers(ctx)).toBe(1);
    expect(await askAllApprovers(ctx)).toBe(0);
    expect(await mails()).toEqual([
      '14:00 noor: [SEV1] Approve an update: Checkout is failing',
      '14:05 abel, noor: [SEV1] Late: approve an update: Checkout is failing',
    ]);
  });

  it('asks everyone again, as often as staff are called, until someone has it or decides; once however many look', async () => {
    const { as, declare, write, mails, ctx, db } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id);
    const other = { ...ctx, newId: () => `z${ctx.newId().slice(1)}` };
    const pass = async (minutes: number) => {
      for (let second = 0; second < minutes * 60; second += 30) {
        await Promise.all([askAllApprovers(ctx), askAllApprovers(other)]);
        ctx.clock.advance(MINUTE / 2);
      }
    };
    await pass(16);
    await haveIt(as('noor'), { incidentId: id, clock: 'public' });
    await pass(16);
    // Nothing ran for an hour: that is asked once.
    ctx.clock.advance(60 * MINUTE);
    await pass(3);
    await sendBack(as('abel'), { approvalId: updateId, reason: 'Say since when.' });
    await pass(20);
    const approve = 'abel, noor: [SEV1] Late: approve an update: Checkout is failing';
    expect((await mails()).filter((mail) => mail.includes('pprove'))).toEqual([
      '14:00 abel, noor: [SEV1] Approve an update: Checkout is failing',
      ...['14:05', '14:10', '14:15', '14:31', '15:32'].map((at) => `${at} ${approve}`),
    ]);
    const texts = await db.read((tx) =>
      tx.selectFrom('notices').select('text').where('subject', 'like', '%Late: approve%').execute(),
    );
    expect(texts[1]?.text.replace(/\s+/g, ' ')).toContain(
      'It has waited for abel or noor since 14:00 UTC, which is 10 minutes. Visitors were owed it by 14:05 UTC.',
    );
  });

  it('is asked about no more, and blocks nothing, once nobody could publish it', async () => {
    const { as, declare, write, mails, ctx, db } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id);
    await write('kim', id, { audience: 'internal', status: 'resolved', body: 'A false alarm.' });
    ctx.clock.advance(60 * MINUTE);
    expect(await askAllApprovers(ctx)).toBe(0);
    expect((await mails()).filter((mail) => mail.includes('pprove'))).toEqual([
      '14:00 abel, noor: [SEV1] Approve an update: Checkout is failing',
    ]);
    // A newer text takes its place without a word to anyone who could not decide about the old one.
    await write('kim', id, { audience: 'internal', status: 'investigating', body: 'It is back.' });
    await write('kim', id, { audience: 'internal', status: 'identified', body: 'We know why.' });
    const next = await write('user-comms', id, { body: 'It is back.' });
    expect(next.waitsFor).toEqual(['abel', 'noor']);
    expect(await getApproval(as('noor'), updateId)).toMatchObject({
      state: 'withdrawn',
      reason: 'Since it was written, it became identified.',
    });
    const record = await db.read((tx) =>
      tx.selectFrom('audit').select('detail').where('action', '=', 'approval.takeBack').execute(),
    );
    expect(JSON.stringify(record)).toContain('Took the place of kim’s update');
  });

  it('of what is over is asked about once more, and then daily in business hours', async () => {
    const { as, declare, write, mails, ctx } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id);
    await publishApproved(as('noor'), { approvalId: updateId });
    const watched = await write('kim', id, { status: 'monitoring', body: 'We watch it.' });
    await publishApproved(as('noor'), { approvalId: watched.updateId });
    ctx.clock.advance(20 * MINUTE);
    const end = await write('kim', id, { status: 'resolved', body: 'It works.' });
    await publishApproved(as('noor'), { approvalId: end.updateId });
    // Friday evening.
    ctx.clock.set('2026-11-20T22:00:00.000Z');
    await write('kim', id, { status: 'postmortem', body: 'What happened.' });
    for (let half = 0; half < 48 * 4; half++) {
      await askAllApprovers(ctx);
      ctx.clock.advance(30 * MINUTE);
    }
    const asked = (await mails()).filter((mail) => mail.includes('Still waiting'));
    expect(asked.map((mail) => mail.slice(0, 5))).toEqual(['22:30', '09:00', '09:00']);
  });

  it('is named in the calls to staff, which go on while it waits, with who is waited for', async () => {
    const { as, declare, write, ctx, db } = await house();
    const { id } = await declare();
    await write('kim', id);
    ctx.clock.advance(5 * MINUTE);
    expect(await callStaff(ctx)).toBeGreaterThan(0);
    const last = async () => {
      const said = await db.read((tx) => tx.selectFrom('notices').selectAll().orderBy('seq').execute());
      const call = said.findLast(({ subject }) => /public update (was )?due/i.test(subject));
      return call?.text.replace(/\s+/g, ' ');
    };
    expect(await last()).toContain('kim wrote it at 14:00 UTC, and it waits for abel or noor.');
    await takeBack(as('kim'), (await listWaiting(as('kim')))[0]?.id as string);
    ctx.clock.advance(5 * MINUTE);
    await callStaff(ctx);
    expect(await last()).not.toContain('kim wrote it');
  });

  it('keeps the words that were approved: nobody but an approver changes them, or the title above them', async () => {
    const { as, declare, write } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id, { body: 'Payments fail.' });
    await publishApproved(as('noor'), { approvalId: updateId });
    const text = { scope: null, affected: null, workaround: null, estimate: null };
    const edit = (name: Name, body: string) =>
      editUpdate(as(name), { updateId, body, ...text, notify: false });
    const rename = async (name: Name, title: string) => {
      const { version } = await getIncident(as(name), id);
      return changeTitle(as(name), { incidentId: id, version, title });
    };
    // Abel approves, but his role posts nothing.
    const refused = { code: 'forbidden', fix: expect.stringContaining('Ask noor to change it') };
    await expect(edit('kim', 'Nothing fails.')).rejects.toMatchObject(refused);
    await expect(rename('kim', 'Nothing is failing')).rejects.toMatchObject(refused);
    expect(await getIncident(as('kim'), id)).toMatchObject({
      title: 'Checkout is failing',
      updates: [{ body: 'Payments fail.' }],
    });
    await edit('noor', 'Card payments fail.');
    await rename('noor', 'Card payments fail');
    // A policy is not to silence the house when it has no approver who may post.
    await setApprover(as('user-owner'), { userId: 'noor', approver: false });
    await edit('kim', 'Card payments fail for some.');
    expect((await getIncident(as('kim'), id)).updates[0]?.body).toBe('Card payments fail for some.');
  });

  it('is posted once when two approve it in the same moment', async () => {
    const { as, declare, write } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id);
    const both = await Promise.allSettled(
      (['abel', 'noor'] as const).map((name) => publishApproved(as(name), { approvalId: updateId })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await getIncident(as('kim'), id)).updates).toHaveLength(1);
  });

  it('waits, too, when the incident is declared and published as one; and nothing waits where no policy says so', async () => {
    const { as, checkout } = await house();
    const said = {
      title: 'Checkout is failing',
      components: [{ id: checkout.id, status: 'major_outage' as const }],
      status: 'investigating' as const,
      body: 'Payments fail.',
      notify: false,
    };
    const one = await declareAndPublish(as('kim'), { ...said, severity: 'SEV1' });
    expect(one.waitsFor).toEqual(['abel', 'noor']);
    expect(await getIncident(as('kim'), one.id)).toMatchObject({ publishedAt: null, updates: [] });
    const two = await declareAndPublish(as('kim'), { ...said, severity: 'SEV2' });
    expect(two.waitsFor).toBeUndefined();
    expect((await getIncident(as('kim'), two.id)).updates).toHaveLength(1);
  });

  it('waits, too, when the same post lowers the severity to one that needs none', async () => {
    const { as, declare, write } = await house();
    const { id } = await declare();
    const { updateId } = await write('kim', id, { severity: 'SEV2', body: 'Payments fail for some.' });
    expect(await getIncident(as('kim'), id)).toMatchObject({
      severity: 'SEV1',
      publishedAt: null,
      updates: [],
    });
    await publishApproved(as('noor'), { approvalId: updateId });
    const after = await getIncident(as('kim'), id);
    expect(after).toMatchObject({ severity: 'SEV2' });
    // From now on its severity is one of those that wait for nobody.
    expect((await write('kim', id, { body: 'Payments work again.' })).waitsFor).toBeUndefined();
  });

  it('waits, too, when the severity was lowered inside before, until visitors were told', async () => {
    const { as, declare, write } = await house();
    const { id } = await declare();
    await write('kim', id, { audience: 'internal', severity: 'SEV3', body: 'Looks smaller.' });
    const { updateId, waitsFor } = await write('kim', id, { body: 'Payments fail for some.' });
    expect(waitsFor).toEqual(['abel', 'noor']);
    await publishApproved(as('noor'), { approvalId: updateId });
    expect((await write('kim', id, { body: 'Payments work again.' })).waitsFor).toBeUndefined();
    // Raised and lowered again meanwhile, it is what it was.
    await write('kim', id, { audience: 'internal', severity: 'SEV1', body: 'It is worse.' });
    await write('kim', id, { audience: 'internal', severity: 'SEV3', body: 'It is not.' });
    expect((await write('kim', id, { body: 'It was short.' })).waitsFor).toEqual(['abel', 'noor']);
  });

  it('waits, too, when that was done while the incident was restricted', async () => {
    const { as, seal, write } = await house();
    const { id } = await seal({ severity: 'SEV1' });
    await write('noor', id, { audience: 'internal', severity: 'SEV3', body: 'Looks smaller.' });
    expect((await write('noor', id, { body: 'A key lay open.' })).waitsFor).toEqual([]);
    expect(await getIncident(as('noor'), id)).toMatchObject({ publishedAt: null, restricted: true });
  });

  it('is written by an approver when it is put on the record afterwards', async () => {
    const { as, ctx } = await house();
    const past = {
      title: 'Checkout failed',
      startedAt: addMs(ctx.now(), -2 * HOUR),
      resolvedAt: addMs(ctx.now(), -HOUR),
      components: [],
      updates: [{ status: 'resolved' as const, body: 'It is over.', postedAt: addMs(ctx.now(), -HOUR) }],
    };
    await expect(backfillIncident(as('kim'), { ...past, severity: 'SEV1' })).rejects.toMatchObject({
      code: 'forbidden',
      fix: expect.stringContaining('Ask noor'),
    });
    await backfillIncident(as('kim'), { ...past, severity: 'SEV2' });
    await backfillIncident(as('noor'), { ...past, severity: 'SEV1' });
  });
});
