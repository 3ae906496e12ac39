import { expect, it } from 'vitest';
import { newDuties } from '#clock/clock.ts';
import type { Db } from '#db/open.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { assignRole } from '#services/incidents.ts';
import { callStaff, haveIt } from '#services/staffCalls.ts';
import { userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { incidentHouse } from './incidentHouse.ts';

const NAMES = ['mia', 'jonas', 'ada', 'otto'] as const;

/** A house with four people: Mia and Jonas are on duty, Ada may command, Otto is the manager on duty. */
async function dutyHouse(fresh: () => Promise<Db>) {
  const house = await incidentHouse(fresh);
  const { db, ctx } = house;
  const at = '2026-01-01T00:00:00.000Z';
  await db.write(async (tx) => {
    for (const name of NAMES)
      await tx
        .insertInto('users')
        .values({
          id: name,
          email: `${name}@example.com`,
          name,
          role: name === 'otto' ? 'owner' : 'comms',
          password_hash: 'x',
          created_at: at,
          disabled_at: null,
        })
        .execute();
  });
  const shift = (startsAt: string, endsAt: string) =>
    db.write((tx) =>
      tx
        .insertInto('duty_shifts')
        .values({
          id: ctx.newId(),
          starts_at: startsAt,
          ends_at: endsAt,
          primary_id: 'mia',
          second_id: 'jonas',
          manager_id: 'otto',
          note: null,
          created_at: at,
          updated_at: at,
        })
        .execute(),
    );
  const as = (name: (typeof NAMES)[number]) => ({
    ...ctx,
    actor: { ...userActor('comms'), id: name, name },
  });
  /** Every mail to staff so far: "14:05 mia, jonas: Late: ...". */
  const mails = async () => {
    const rows = await db.read((tx) =>
      tx
        .selectFrom('notices as n')
        .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['n.seq', 'n.created_at', 'n.subject', 'r.address', 'd.priority'])
        .where('n.kind', '=', 'call')
        .orderBy('n.seq')
        .orderBy('d.seq')
        .execute(),
    );
    return [...Map.groupBy(rows, ({ seq }) => seq).values()].map(
      ([first, ...rest]) =>
        `${first?.created_at.slice(11, 16)} ${[first, ...rest].map((row) => row?.address.split('@')[0]).join(', ')}: ${first?.subject}`,
    );
  };
  /** Lets time pass as the clock does, a second at a time being more than needed: half a minute at a time. */
  const pass = async (minutes: number) => {
    for (let half = 0; half < minutes * 2; half++) {
      await callStaff(ctx);
      ctx.clock.advance(MINUTE / 2);
    }
    await callStaff(ctx);
  };
  return { ...house, shift, as, mails, pass };
}

eachDatabase('calls to staff', (fresh) => {
  it('a SEV1 in the night: the chain, “I have it”, the first word, the next one, and an end', async () => {
    const { ctx, declare, say, shift, as, mails, pass } = await dutyHouse(fresh);
    await shift('2026-11-20T08:00:00.000Z', '2026-11-21T08:00:00.000Z');
    const { id } = await declare();
    await assignRole(ctx, { incidentId: id, role: 'incident_commander', userId: 'ada' });
    await pass(11);
    await haveIt(as('jonas'), { incidentId: id, clock: 'public' });
    await pass(8);
    await say(id, { status: 'investigating' }, { ...ctx, ...as('jonas') });
    await pass(31);
    await say(id, { status: 'monitoring' });
    await pass(16);
    await say(id, { status: 'resolved' });
    await pass(60);
    expect(await mails()).toEqual([
      '14:00 mia: [SEV1] First public update due by 14:05 UTC: Checkout is failing',
      '14:03 mia: [SEV1] First public update due by 14:05 UTC: Checkout is failing',
      '14:05 mia: [SEV1] First public update due now, 14:05 UTC: Checkout is failing',
      '14:05 mia, otto: [SEV1] Nobody is comms lead: Checkout is failing',
      '14:10 mia, jonas: [SEV1] Late: first public update was due 14:05 UTC: Checkout is failing',
      '14:15 ada: [SEV1] Internal update due now, 14:15 UTC: Checkout is failing',
      '14:20 mia, otto: [SEV1] Nobody is comms lead: Checkout is failing',
      '14:30 ada, mia: [SEV1] Late: internal update was due 14:15 UTC: Checkout is failing',
      '14:35 mia, otto: [SEV1] Nobody is comms lead: Checkout is failing',
      '14:39 mia: [SEV1] Public update due by 14:49 UTC: Checkout is failing',
      '14:45 ada, mia, otto: [SEV1] Late: internal update was due 14:15 UTC: Checkout is failing',
      '14:49 mia: [SEV1] Public update due now, 14:49 UTC: Checkout is failing',
      '14:50 mia, otto: [SEV1] Nobody is comms lead: Checkout is failing',
      '15:00 ada, mia, otto: [SEV1] Late: internal update was due 14:15 UTC: Checkout is failing',
      '15:05 mia, otto: [SEV1] Nobody is comms lead: Checkout is failing',
    ]);
  });

  it('a SEV1 that is open again inside: as of a new one, whoever had it before it was over', async () => {
    const { ctx, at, declare, say, shift, as, mails } = await dutyHouse(fresh);
    await shift('2026-11-20T08:00:00.000Z', '2026-11-21T08:00:00.000Z');
    const { id } = await declare();
    await haveIt(as('jonas'), { incidentId: id, clock: 'public' });
    at('14:02');
    await say(id, { audience: 'internal', status: 'resolved', body: 'A false alarm.' });
    at('14:04');
    await say(id, { audience: 'internal', status: 'investigating', body: 'It fails all the same.' });
    for (let minute = 0; minute <= 5; minute++) {
      await callStaff(ctx);
      ctx.clock.advance(MINUTE);
    }
    expect((await mails()).filter((mail) => /public update/i.test(mail))).toEqual([
      '14:04 mia: [SEV1] First public update due by 14:09 UTC: Checkout is failing',
      '14:07 mia: [SEV1] First public update due by 14:09 UTC: Checkout is failing',
      '14:09 mia: [SEV1] First public update due now, 14:09 UTC: Checkout is failing',
    ]);
  });

  it('two processes make each call once, and one that restarts makes none again', async () => {
    const { ctx, declare, mails } = await dutyHouse(fresh);
    await declare({ severity: 'SEV2' });
    const other = { ...ctx, newId: () => `other${ctx.newId().slice(5)}` };
    for (const minutes of [0, 3, 2, 5]) {
      ctx.clock.advance(minutes * MINUTE);
      await Promise.all([callStaff(ctx), callStaff(other), callStaff(ctx)]);
    }
    // Nobody is on duty: everyone who could post is called.
    expect((await mails()).map((mail) => mail.slice(0, 22))).toEqual([
      '14:00 ada, jonas, mia:',
      '14:03 ada, jonas, mia:',
      '14:05 ada, jonas, mia:',
      '14:10 ada, jonas, mia:',
    ]);
  });

  it('a commander alone is called after everyone who could post, not in their place', async () => {
    const { ctx, declare, mails, pass } = await dutyHouse(fresh);
    const { id } = await declare();
    await assignRole(ctx, { incidentId: id, role: 'incident_commander', userId: 'otto' });
    await pass(10);
    expect((await mails()).filter((mail) => mail.includes('irst public'))).toEqual([
      '14:00 ada, jonas, mia: [SEV1] First public update due by 14:05 UTC: Checkout is failing',
      '14:03 ada, jonas, mia: [SEV1] First public update due by 14:05 UTC: Checkout is failing',
      '14:05 ada, jonas, mia: [SEV1] First public update due now, 14:05 UTC: Checkout is failing',
      '14:10 ada, jonas, mia, otto: [SEV1] Late: first public update was due 14:05 UTC: Checkout is failing',
    ]);
  });

  it('an incident whose calls cannot be made keeps nobody from being called about another', async () => {
    const { ctx, declare, mails } = await dutyHouse(fresh);
    await declare({ title: 'Checkout is failing' });
    await declare({ title: 'Search is failing' });
    let asked = 0;
    const newId = () => {
      if (asked++ === 0) throw new Error('No number is left.');
      return ctx.newId();
    };
    await expect(callStaff({ ...ctx, newId })).rejects.toThrow('No number is left.');
    const about = async () => (await mails()).map((mail) => mail.split(': ').at(-1)).toSorted();
    expect(await about()).toHaveLength(1);
    await callStaff(ctx);
    expect(await about()).toEqual(['Checkout is failing', 'Search is failing']);
  });

  it('what may wait for the next business day is asked about on Monday morning, once, where nobody has taken it up', async () => {
    const { db, ctx, declare, say, shift, as, mails } = await dutyHouse(fresh);
    await shift('2026-11-20T08:00:00.000Z', '2026-11-27T08:00:00.000Z');
    // Friday, 14:00.
    const forgotten = await declare({ severity: 'SEV4', title: 'A comma is missing' });
    const taken = await declare({ severity: 'SEV4', title: 'The logo is blurred' });
    const spoken = await declare({ severity: 'SEV4', title: 'A link leads nowhere' });
    const over = await declare({ severity: 'SEV4', title: 'A price is green' });
    await assignRole(ctx, { incidentId: taken.id, role: 'technical_lead', userId: 'ada' });
    await say(spoken.id, { audience: 'internal', body: 'I mend it on Monday.' }, { ...ctx, ...as('jonas') });
    await say(over.id, { audience: 'internal', status: 'resolved', body: 'It was meant to be.' });
    const duties = Object.values(newDuties());
    const seen: string[] = [];
    for (let hour = 0; hour < 5 * 24; hour++) {
      for (const duty of duties) await duty(ctx);
      if ((await mails()).length > seen.length) {
        seen.push(ctx.clock.now());
        const [notice] = await db.read((tx) =>
          tx.selectFrom('notices').select('text').where('kind', '=', 'call').execute(),
        );
        expect(notice?.text).toContain('It could wait for this business day.');
        expect(notice?.text).toContain(`/admin/incidents/${forgotten.id}`);
      }
      ctx.clock.advance(HOUR);
    }
    expect(await mails()).toEqual(['09:00 mia: [SEV4] Nobody has taken it up: A comma is missing']);
    expect(seen).toEqual(['2026-11-23T09:00:00.000Z']);
  });

  it('“I have it” is said by people, of what is open', async () => {
    const { ctx, declare, say, as } = await dutyHouse(fresh);
    const { id } = await declare({ severity: 'SEV4' });
    await expect(haveIt(ctx.as('viewer'), { incidentId: id, clock: 'public' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await say(id, { status: 'resolved', reason: 'It was a drill of the tongue.' });
    await expect(haveIt(as('mia'), { incidentId: id, clock: 'public' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
