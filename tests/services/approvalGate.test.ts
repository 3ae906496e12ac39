import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import type { Actor } from '#domain/permissions.ts';
import { MINUTE } from '#domain/time.ts';
import { publishApproved, sendBack, takeBack } from '#services/approvals.ts';
import { getApproval } from '#services/approvalViews.ts';
import { readAudit } from '#services/audit.ts';
import { archiveComponent } from '#services/components.ts';
import { correctComponents, getIncident, type PostInput, postUpdate } from '#services/incidents.ts';
import { callStaff } from '#services/staffCalls.ts';
import type { TestCtx } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { approvalHouse } from './approvalHouse.ts';
import type { Name } from './sealedHouse.ts';

/** A house whose people also work at the machine itself, with their name or without one. */
async function machineHouse(fresh: () => Promise<Db>) {
  const house = await approvalHouse(fresh);
  const { ctx, as } = house;
  const atMachine = (name: Name | null): TestCtx => ({
    ...ctx,
    actor: name
      ? { ...(as(name).actor as Extract<Actor, { kind: 'user' }>), via: 'command line' }
      : { kind: 'system', name: 'command line' },
  });
  const post = (by: TestCtx, incidentId: string, changes: Partial<PostInput> = {}) =>
    postUpdate(by, {
      incidentId,
      version: 1,
      audience: 'public',
      status: 'investigating',
      body: 'Payments fail.',
      components: [],
      notify: false,
      ...changes,
    });
  return { ...house, atMachine, post };
}

eachDatabase('what is posted from the machine itself', (fresh) => {
  const house = () => machineHouse(fresh as () => Promise<Db>);

  it('waits for an approver like any other, in its author’s name', async () => {
    const { as, atMachine, declare, post, mails, ctx } = await house();
    const { id } = await declare();
    const { updateId, waitsFor } = await post(atMachine('noor'), id);
    expect(waitsFor).toEqual(['abel']);
    expect((await getIncident(as('kim'), id)).updates).toEqual([]);
    expect(await mails()).toEqual(['14:00 abel: [SEV1] Approve an update: Checkout is failing']);
    const { rows } = await readAudit(as('user-owner'), null);
    expect(rows[0]).toMatchObject({ action: 'approval.ask', actor: 'noor (command line)' });
    ctx.clock.advance(MINUTE);
    // It is hers in the browser as well.
    await takeBack(as('noor'), updateId);
  });

  it('is refused where it must wait and nobody knows who wrote it', async () => {
    const { as, atMachine, declare, post, mails } = await house();
    const { id } = await declare();
    await expect(post(atMachine(null), id)).rejects.toMatchObject({
      code: 'forbidden',
      message: 'A public update of a SEV1 needs an approver beside its author, and nobody is named as that.',
    });
    expect((await getIncident(as('kim'), id)).updates).toEqual([]);
    expect(await mails()).toEqual([]);
    // Where no policy asks for approval, nobody has to be named.
    await post(atMachine(null), id, { audience: 'internal', body: 'It is the processor.' });
    const minor = await declare({ severity: 'SEV2' });
    expect((await post(atMachine(null), minor.id)).waitsFor).toBeUndefined();
  });

  it('is posted without an approver for a reason that is on record, and every approver reads it at once', async () => {
    const { as, atMachine, declare, post, mails, db } = await house();
    const { id } = await declare();
    for (const by of [atMachine(null), atMachine('noor')]) {
      const { version } = await getIncident(as('kim'), id);
      const posted = await post(by, id, { version, withoutApproval: 'Nobody answers the telephone.' });
      expect(posted.waitsFor).toBeUndefined();
    }
    const { updates, facts } = await getIncident(as('kim'), id);
    expect(updates.map(({ author }) => author)).toEqual(['noor', 'command line']);
    expect(facts.filter(({ note }) => note === 'Nobody answers the telephone.')).toMatchObject([
      { author: 'noor (command line)', text: 'Posted an update without the approval that it needs' },
      { author: 'command line', text: 'Posted an update without the approval that it needs' },
    ]);
    expect(await mails()).toEqual([
      '14:00 abel, noor: [SEV1] Posted without approval: Checkout is failing',
      '14:00 abel: [SEV1] Posted without approval: Checkout is failing',
    ]);
    const [notice] = await db.read((tx) =>
      tx.selectFrom('notices').select('text').where('subject', 'like', '%without approval%').execute(),
    );
    const text = notice?.text.replace(/\s+/g, ' ');
    expect(text).toContain('The reason given: Nobody answers the telephone.');
    expect(text).toContain('Payments fail.');
    expect(text).toContain(`https://status.example.com/admin/incidents/${id}`);
  });

  it('is given no way past an approver but from the machine, nor past one for what is restricted', async () => {
    const { as, atMachine, declare, post, seal } = await house();
    const { id } = await declare();
    const withoutApproval = 'In haste.';
    await expect(post(as('kim'), id, { withoutApproval })).rejects.toMatchObject({ code: 'forbidden' });
    const sealed = await seal({ viewers: ['noor', 'kim'] });
    await expect(post(atMachine('kim'), sealed.id, { withoutApproval })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('restricted'),
    });
  });
});

eachDatabase('components that changed while an update waited', (fresh) => {
  const house = () => machineHouse(fresh as () => Promise<Db>);

  /** What keeps it from being published, and whether calls to staff still say that it waits. */
  async function seenOf({ as, ctx, db }: Awaited<ReturnType<typeof house>>, approvalId: string) {
    const { hindered } = await getApproval(as('abel'), approvalId);
    await callStaff(ctx);
    const calls = await db.read((tx) =>
      tx.selectFrom('notices').selectAll().where('kind', '=', 'call').orderBy('seq').execute(),
    );
    const last = calls.findLast(({ subject }) => /public update (was )?due/i.test(subject));
    return { hindered, isNamed: /kim\s+wrote\s+it/.test(last?.text ?? '') };
  }

  it('were said inside to be otherwise: the text is seen to fit no more', async () => {
    const h = await house();
    const { as, declare, write, checkout, cart, ctx } = h;
    const { id } = await declare();
    const first = await write('kim', id, { components: [{ id: checkout.id, status: 'major_outage' }] });
    ctx.clock.advance(5 * MINUTE);
    expect(await seenOf(h, first.updateId)).toEqual({ hindered: null, isNamed: true });
    await write('user-responder', id, {
      audience: 'internal',
      body: 'Half of it works again.',
      components: [{ id: checkout.id, status: 'partial_outage' }],
    });
    ctx.clock.advance(5 * MINUTE);
    expect(await seenOf(h, first.updateId)).toEqual({
      hindered:
        'Since this was written, Checkout became partial outage. Send it back, so that its author looks at it again.',
      isNamed: false,
    });
    await expect(publishApproved(as('abel'), { approvalId: first.updateId })).rejects.toMatchObject({
      code: 'conflict',
      message: 'Since this was written, Checkout became partial outage.',
    });
    // It takes nobody's place any more: the next text is asked for without a word about it.
    const second = await write('user-comms', id);
    await write('user-responder', id, {
      audience: 'internal',
      body: 'The basket as well.',
      components: [{ id: cart.id, status: 'degraded_performance' }],
    });
    expect((await seenOf(h, second.updateId)).hindered).toContain('Since this was written, Cart was added.');
    await sendBack(as('abel'), { approvalId: second.updateId, reason: 'The basket.' });
    const third = await write('kim', id);
    const { version } = await getIncident(as('kim'), id);
    await correctComponents(as('kim'), {
      incidentId: id,
      version,
      components: [
        { id: checkout.id, status: 'partial_outage' },
        { id: cart.id, status: 'operational' },
      ],
    });
    expect((await seenOf(h, third.updateId)).hindered).toContain('Cart was taken off');
  });

  it('are no more, though the text names them', async () => {
    const h = await house();
    const { as, declare, write, cart } = h;
    const { id } = await declare();
    const { updateId } = await write('kim', id, { components: [{ id: cart.id, status: 'partial_outage' }] });
    await archiveComponent(as('user-owner'), cart.id);
    expect((await seenOf(h, updateId)).isNamed).toBe(false);
    expect((await getApproval(as('abel'), updateId)).hindered).toContain('Cart was archived');
    // Nobody could publish it: a newer one takes its place.
    expect((await write('user-comms', id)).waitsFor).toEqual(['abel', 'noor']);
  });
});
