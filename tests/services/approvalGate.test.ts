import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import type { Actor } from '#domain/permissions.ts';
import { MINUTE } from '#domain/time.ts';
import { takeBack } from '#services/approvals.ts';
import { readAudit } from '#services/audit.ts';
import { getIncident, type PostInput, postUpdate } from '#services/incidents.ts';
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
