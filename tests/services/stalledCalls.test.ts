import { afterEach, expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { getProvider } from '#db/providers.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { stopSending } from '#services/fanoutControl.ts';
import { assignRole } from '#services/incidents.ts';
import { expandAll, fakeTransport, rigEngine } from '../delivery/support.ts';
import { eachDatabase } from '../support/databases.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { isStaffCall, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { eventsOf, placeHouse } from './placeHouse.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A published SEV1 with Mia in both roles, a pager, three subscribers, and a mail provider that can be asked to stand still. */
async function house(
  fresh: () => Promise<Db>,
  { people = 3, mode = 'everything' }: { people?: number; mode?: Mode } = {},
) {
  const made = await placeHouse(fresh, ends);
  const { db, ctx, server, add, declare, say } = made;
  await setReleaseSeconds(db, 0);
  await makeSubscribers(db, people, [], { mode });
  const fake = await startFakeResend();
  ends.push(fake.close);
  const mail = await rigEngine(db, fakeTransport(fake), { clock: ctx.clock });
  const pager = await server();
  await add({ url: `${pager.url}/v2/enqueue` });
  const { id } = await declare();
  for (const role of ['incident_commander', 'comms_lead'] as const)
    await assignRole(ctx, { incidentId: id, role, userId: 'mia' });
  const post = async () => {
    await say(id, { status: 'investigating', notify: true, nextUpdateBy: '2026-11-20T15:30:00.000Z' });
    await expandAll(db, ctx.now);
  };
  /** What the pager heard of mail: "14:02 trigger". */
  const heard = () =>
    pager.calls
      .filter(({ json }) => json.dedup_key === `foghorn-${id}-mail`)
      .map(({ json }) =>
        [json.payload?.timestamp.slice(11, 16), json.event_action].filter(Boolean).join(' '),
      );
  return { ...made, fake, mail, pager, id, post, heard };
}

eachDatabase('mail that does not leave', (fresh) => {
  it('is told to those who lead, in chat and on the pager, until it leaves; then the pager hears the end', async () => {
    const { post, pass, heard, mail, fake, pager, id } = await house(fresh);
    await post();
    await pass(20);
    expect(heard()).toEqual(['14:02 trigger', '14:17 trigger']);
    expect(eventsOf(pager)).toContain('trigger [SEV1] Mail does not leave: Checkout is failing');
    const [first] = pager.calls.filter(({ json }) => json.dedup_key === `foghorn-${id}-mail`);
    expect(first?.json).toMatchObject({
      payload: {
        severity: 'critical',
        custom_details: {
          what: 'News of it waits, as of 14:02 UTC. The page shows it; whoever counts on mail has not heard. Open since 14:00 UTC.',
        },
      },
      links: [{ href: 'https://status.example.com/admin/deliveries', text: 'See why, and what to do' }],
    });
    await mail.drain();
    await pass(20);
    expect(heard()).toEqual(['14:02 trigger', '14:17 trigger', 'resolve']);
    // Of the calls that waited with the rest, the latest alone came.
    const calls = fake.mails.filter((one) => isStaffCall(one) && one.subject.includes('Mail does not leave'));
    expect(calls.map(({ to }) => to).toSorted()).toEqual(['mia@example.com']);
  });

  it('is nobody’s call while other mail leaves, while it waits by its pace, or when a person stopped it', async () => {
    const { db, ctx, post, pass, heard, mail, id, say, as } = await house(fresh, { mode: 'policy' });
    await post();
    await mail.drain();
    // Within ten minutes of the last: it waits by the pace of its severity.
    await say(id, { body: 'Still looking.', notify: true });
    await expandAll(db, ctx.now);
    await pass(5);
    expect(heard()).toEqual([]);
    await pass(6);
    const { id: notice } = await db.read((tx) =>
      tx
        .selectFrom('notices')
        .select('id')
        .where('kind', '=', 'update')
        .orderBy('seq', 'desc')
        .executeTakeFirstOrThrow(),
    );
    await stopSending(as('mia'), notice);
    await pass(30);
    expect(heard()).toEqual([]);
  });

  it('is nobody’s call when all but a slow mailbox has taken it, and someone’s when none has', async () => {
    const { db, post, pass, heard, mail } = await house(fresh);
    await post();
    await mail.drain();
    const putOff = (howMany: number) =>
      db.write(async (tx) => {
        const rows = await tx
          .selectFrom('deliveries as d')
          .innerJoin('fanouts as f', 'f.notice_seq', 'd.notice_seq')
          .select('d.seq')
          .execute();
        await tx
          .updateTable('deliveries')
          .set({ state: 'queued', attempts: 1, not_before: '2026-11-20T16:00:00.000Z' })
          .where(
            'seq',
            'in',
            rows.slice(0, howMany).map(({ seq }) => seq),
          )
          .execute();
        await tx.updateTable('fanouts').set({ finished_at: null }).execute();
        return rows.length;
      });
    expect(await putOff(1)).toBe(3);
    await pass(5);
    expect(heard()).toEqual([]);
    await putOff(3);
    await pass(1);
    expect(heard()).toEqual(['14:05 trigger']);
  });

  it('is told at once when a message was stopped because everyone was refused alike', async () => {
    const { db, post, pass, heard, mail, fake } = await house(fresh, { people: 20 });
    for (let n = 1; n <= 20; n++)
      fake.refuse(address(n), { statusCode: 422, name: 'validation_error', message: 'Something is odd.' });
    await post();
    await mail.drain();
    expect((await db.read((tx) => getProvider(tx, 'resend'))).circuit).toBe('closed');
    await pass(1);
    expect(heard()).toEqual(['14:00 trigger']);
  });
});
