import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { installationMark } from '#domain/receipts.ts';
import { MINUTE } from '#domain/time.ts';
import { assignRole } from '#services/incidents.ts';
import { applyReceipts, receiveEvent } from '#services/receipts.ts';
import { declareRestricted } from '#services/restricted.ts';
import { callStaff, haveIt } from '#services/staffCalls.ts';
import { eachDatabase } from '../support/databases.ts';
import { dutyHouse, type Name } from './dutyHouse.ts';

/** On duty from 08:00: Mia first, Jonas second, Otto as manager; Ada commands. */
async function house(fresh: () => Promise<Db>) {
  const made = await dutyHouse(fresh);
  const { db, ctx, shift, declare } = made;
  await shift('08:00', '23:00', 'mia', { second: 'jonas', manager: 'otto' });
  let events = 0;
  /** The provider says of every mail to this person that has left that it cannot be delivered. */
  const bounce = async (name: Name, { permanent = true }: { permanent?: boolean } = {}) => {
    const address = `${name}@example.com`;
    const rows = await db.write(async (tx) => {
      await tx.updateTable('deliveries').set({ state: 'accepted' }).where('state', '=', 'queued').execute();
      return tx
        .selectFrom('deliveries as d')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select('d.seq')
        .where('r.address', '=', address)
        .where('d.state', '=', 'accepted')
        .execute();
    });
    for (const { seq } of rows)
      await receiveEvent(ctx, {
        provider: 'resend',
        eventId: `e${++events}`,
        type: 'email.bounced',
        occurredAt: ctx.now(),
        body: '',
        receipt: {
          kind: 'bounced',
          installation: installationMark(ctx.sign, ctx.site.url),
          deliverySeq: seq,
          providerId: `m${seq}`,
          addresses: [address],
          permanent,
          cause: 'bounce',
          reason: 'There is no such mailbox.',
        },
      });
    await applyReceipts(ctx);
    return rows.length;
  };
  const mails = async () =>
    (
      await db.read((tx) =>
        tx
          .selectFrom('notices as n')
          .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
          .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
          .innerJoin('calls as c', 'c.notice_seq', 'n.seq')
          .select(['n.seq', 'n.created_at', 'n.subject', 'n.text', 'r.address'])
          .where('c.clock', '=', 'public')
          .orderBy('n.seq')
          .orderBy('d.seq')
          .execute(),
      )
    ).map(({ created_at, address, subject, text }) => ({
      line: `${created_at.slice(11, 19)} ${address.split('@')[0]}: ${subject.split(': Checkout')[0]}`,
      text: text.replace(/\s+/g, ' '),
    }));
  const lines = async () => (await mails()).map(({ line }) => line);
  const tick = async (seconds = 1) => {
    ctx.clock.advance(seconds * 1_000);
    return callStaff(ctx);
  };
  const open = async () => {
    const { id } = await declare();
    await assignRole(ctx, { incidentId: id, role: 'incident_commander', userId: 'ada' });
    await callStaff(ctx);
    return id;
  };
  return { ...made, bounce, mails, lines, tick, open };
}

const FIRST = '[SEV1] First public update due by 14:05 UTC';

eachDatabase('a call that cannot be delivered', (fresh) => {
  it('counts as not answered: the next in the chain is called at once, and is told why', async () => {
    const { open, bounce, lines, mails, tick } = await house(fresh);
    await open();
    expect(await bounce('mia')).toBe(1);
    await tick(20);
    expect(await lines()).toEqual([`14:00:00 mia: ${FIRST}`, `14:00:20 jonas: ${FIRST}`]);
    expect((await mails())[1]?.text).toContain('Mail to Mia does not arrive, so you are called.');
    // Once, however often it is looked at.
    for (let second = 0; second < 30; second++) await tick();
    expect(await lines()).toHaveLength(2);
    // And so on along the chain, each once.
    await bounce('jonas');
    await tick();
    await tick();
    expect((await lines()).slice(2)).toEqual([`14:00:51 ada: ${FIRST}`]);
    expect((await mails())[2]?.text).toContain('Mail to Mia and Jonas does not arrive');
    // The calls that were planned go on, to those who can be reached.
    for (let half = 0; half < 20; half++) await tick(30);
    expect((await lines()).slice(3).map((line) => line.slice(0, 5) + line.slice(8).split(':')[0])).toEqual([
      '14:03 ada',
      '14:05 ada',
      '14:10 ada',
      '14:10 otto',
    ]);
  });

  it('is made to the next from the start once it is known', async () => {
    const { open, bounce, lines, tick, declare, ctx } = await house(fresh);
    await open();
    await bounce('mia');
    await tick();
    ctx.clock.advance(MINUTE);
    await declare({ title: 'Checkout again' });
    await tick();
    expect((await lines()).at(-1)).toBe('14:01:02 jonas: [SEV1] First public update due by 14:06 UTC');
  });

  it('a mailbox that only would not take this one: the next is called, and it is tried again later', async () => {
    const { open, bounce, lines, tick } = await house(fresh);
    await open();
    await bounce('mia', { permanent: false });
    await tick();
    await tick();
    expect((await lines()).slice(1)).toEqual([`14:00:01 jonas: ${FIRST}`]);
    // Nor is it thrown back and forth between two who cannot be reached now.
    await bounce('jonas', { permanent: false });
    for (let second = 0; second < 5; second++) await tick();
    expect((await lines()).slice(2)).toEqual([`14:00:03 ada: ${FIRST}`]);
  });

  it('is made once by two processes, and not by one that begins again; nor while somebody has it', async () => {
    const { open, bounce, lines, ctx, as } = await house(fresh);
    const id = await open();
    await bounce('mia');
    ctx.clock.advance(1_000);
    const other = { ...ctx, newId: () => `other${ctx.newId().slice(5)}` };
    await Promise.all([callStaff(ctx), callStaff(other), callStaff(ctx)]);
    await callStaff(other);
    expect(await lines()).toEqual([`14:00:00 mia: ${FIRST}`, `14:00:01 jonas: ${FIRST}`]);
    await haveIt(as('ada'), { incidentId: id, clock: 'public' });
    await bounce('jonas');
    ctx.clock.advance(1_000);
    await callStaff(ctx);
    expect(await lines()).toHaveLength(2);
  });

  it('where nobody can be reached everyone who was is tried again at the planned times, and no more often', async () => {
    const { open, bounce, lines, tick } = await house(fresh);
    await open();
    for (const name of ['mia', 'jonas', 'ada', 'otto'] as const) {
      await bounce(name);
      await tick();
    }
    const before = await lines();
    for (let half = 0; half < 5; half++) await tick(30);
    expect((await lines()).length - before.length).toBe(0);
    await tick(60);
    expect((await lines()).at(-1)?.slice(0, 5)).toBe('14:03');
  });

  it('of something restricted: its other viewers, or, where there is none, the owners, who are told nothing of it', async () => {
    const { bounce, tick, ctx, as, db } = await house(fresh);
    await declareRestricted(as('mia'), {
      title: 'A key lay open',
      severity: 'SEV1',
      components: [],
      viewers: [],
    });
    for (let minute = 0; minute < 15; minute++) await tick(60);
    await bounce('mia');
    await tick();
    const last = await db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .select(['r.address', 'n.subject', 'n.text'])
        .orderBy('d.seq', 'desc')
        .limit(1)
        .executeTakeFirstOrThrow(),
    );
    expect(last).toMatchObject({
      address: 'otto@example.com',
      subject: '[SEV1] Nobody is left who sees a restricted incident',
    });
    expect(last.text).not.toContain('A key lay open');
    expect(ctx.now().slice(11, 16)).toBe('14:15');
  });
});
