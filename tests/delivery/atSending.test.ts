import { afterEach, beforeEach, expect, it } from 'vitest';
import { insertDelivery } from '#db/deliveries.ts';
import { insertNotice } from '#db/notices.ts';
import type { Db } from '#db/open.ts';
import { suppressAddress } from '#db/suppressions.ts';
import { readResendEvent } from '#delivery/events.ts';
import { recipientLinks } from '#emails/links.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { unsubscribe } from '#services/leaving.ts';
import { applyReceipts, receiveEvent } from '#services/receipts.ts';
import { mailStaff } from '#services/staffMail.ts';
import { markShared } from '#services/subscriberRecords.ts';
import { mailFreshLink } from '#services/subscriptions.ts';
import { liftSuppression } from '#services/suppressions.ts';
import { type TestClock, testContext, userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makePage } from '../support/factory.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { expandAll, fakeTransport, postNotice, rendered, rigEngine, SITE } from './support.ts';

let fake: FakeResend;
beforeEach(async () => {
  fake = await startFakeResend();
});
afterEach(() => fake.close());

/** Who may be mailed is asked when a mail is about to leave, whatever was so when it was queued. */
eachDatabase('at the moment of sending', (fresh) => {
  async function house(people: number) {
    const db = await fresh();
    await makePage(db);
    await makeSubscribers(db, people);
    return db;
  }
  const post = async (db: Db, clock: TestClock) => {
    await postNotice(db, clock.now());
    await expandAll(db, clock.now);
  };
  const suppress = (db: Db, who: number, now: string) =>
    db.write((tx) => suppressAddress(tx, { address: address(who), reason: 'complaint', detail: null, now }));
  const sentTo = () => fake.mails.map((mail) => mail.to).sort();
  const told = (db: Db, who: number) =>
    db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['d.seq', 'd.state', 'd.reason', 'd.provider_id'])
        .where('r.address', '=', address(who))
        .orderBy('d.seq')
        .execute(),
    );

  it('calls staff who marked news as spam, or whose mailbox was full; only one that is not there stops a call, and the admin says so', async () => {
    const db = await house(0);
    const rig = await rigEngine(db, fakeTransport(fake));
    const ctx = testContext(db, { clock: rig.clock });
    const reasons = ['complaint', 'soft_bounces', 'manual', 'bounce'] as const;
    const people = reasons.map((reason) => ({ name: reason, email: `${reason}@example.org` }));
    await db.write(async (tx) => {
      for (const { name, email } of people) {
        await tx
          .insertInto('users')
          .values({
            id: name,
            email,
            name,
            role: 'comms',
            password_hash: 'x',
            created_at: ctx.now(),
            disabled_at: null,
          })
          .execute();
        const reason = name as (typeof reasons)[number];
        await suppressAddress(tx, { address: email, reason, detail: null, now: ctx.now() });
      }
      await mailStaff(tx, ctx, { incidentSeq: null, people, rendered: rendered() });
    });
    await rig.drain();
    expect(sentTo()).toEqual(['complaint@example.org', 'manual@example.org', 'soft_bounces@example.org']);
    const { level, message, more } = await getDeliveryHealth({ ...ctx, actor: userActor('owner') });
    expect([{ level, message }, ...more]).toContainEqual(
      expect.objectContaining({
        level: 'trouble',
        message: 'bounce cannot be called by mail: the mailbox does not exist.',
      }),
    );
  });

  it('a bounce that the provider told of since counts: the next message, queued before, does not go there', async () => {
    const db = await house(2);
    const rig = await rigEngine(db, fakeTransport(fake));
    const ctx = testContext(db, { clock: rig.clock });
    await post(db, rig.clock);
    await rig.drain();
    expect(sentTo()).toEqual([address(1), address(2)]);
    await post(db, rig.clock);
    const [first] = await told(db, 1);
    const body = JSON.stringify({
      type: 'email.bounced',
      created_at: rig.clock.now(),
      data: {
        email_id: first?.provider_id,
        to: [address(1)],
        tags: { delivery_id: String(first?.seq) },
        bounce: { type: 'Permanent', subType: 'NoEmail', message: '550 5.1.1' },
      },
    });
    await receiveEvent(ctx, { ...readResendEvent(body), provider: 'resend', eventId: 'msg_1', body });
    await applyReceipts(ctx);
    await rig.drain();
    expect(sentTo()).toEqual([address(1), address(2), address(2)]);
    expect(await told(db, 1)).toMatchObject([
      { state: 'bounced', reason: expect.stringContaining('no such mailbox') },
      { state: 'suppressed', reason: 'The address is on the suppression list.' },
    ]);
    // Let go with a reason, it is told of what comes next.
    rig.clock.advance(1_000);
    await liftSuppression(ctx, { address: address(1), reason: 'The mailbox is there now.' });
    await post(db, rig.clock);
    await rig.drain();
    expect(sentTo().filter((to) => to === address(1))).toHaveLength(2);
  });

  it('it counts even when it comes while the mails are being written, and the others are not lost', async () => {
    const db = await house(3);
    const transport = fakeTransport(fake);
    const rig = await rigEngine(db, {
      ...transport,
      build: async (mails, frozenAt) => {
        await suppress(db, 2, frozenAt);
        return transport.build(mails, frozenAt);
      },
    });
    await post(db, rig.clock);
    await rig.drain();
    expect(sentTo()).toEqual([address(1), address(3)]);
    expect(await told(db, 2)).toMatchObject([{ state: 'suppressed' }]);
  });

  it('it counts for a mail that is tried again, and for a confirmation too', async () => {
    const db = await house(1);
    const rig = await rigEngine(db, fakeTransport(fake));
    const now = rig.clock.now();
    await db.write(async (tx) => {
      const { seq: recipientSeq } = await tx.selectFrom('recipients').select('seq').executeTakeFirstOrThrow();
      const about = { incidentSeq: null, updateSeq: null, priority: 0, rendered: rendered(), now };
      const noticeSeq = await insertNotice(tx, { id: 'confirmation1', kind: 'confirm', ...about });
      const seq = await insertDelivery(tx, { noticeSeq, recipientSeq, priority: 0, now });
      await tx.updateTable('deliveries').set({ attempts: 2 }).where('seq', '=', seq).execute();
    });
    await suppress(db, 1, now);
    await rig.drain();
    expect(fake.calls).toEqual([]);
    expect(await told(db, 1)).toMatchObject([{ state: 'suppressed' }]);
  });

  it('who has just left gets the way back, and nothing else; a list is asked, and a fresh link goes where it belongs', async () => {
    const db = await house(3);
    const rig = await rigEngine(db, fakeTransport(fake));
    const ctx = testContext(db, { clock: rig.clock });
    await post(db, rig.clock);
    const ids = await db.read((tx) =>
      tx.selectFrom('recipients').select(['id', 'address']).orderBy('seq').execute(),
    );
    const token = (who: number, name: 'unsubscribe_url' | 'manage_url') =>
      recipientLinks(SITE, ctx.sign, ids[who - 1]!.id, '2025-01-01T00:00:00.000Z')
        [name].split('/')
        .at(-1) as string;
    await unsubscribe(ctx, token(1, 'unsubscribe_url'));
    await markShared(ctx, ids[1]!.id, true);
    await unsubscribe(ctx, token(2, 'unsubscribe_url'));
    await mailFreshLink(ctx, token(3, 'manage_url'));
    await rig.drain();
    const subjects = (who: number) =>
      fake.mails
        .filter(({ to }) => to === address(who))
        .map(({ subject }) => subject)
        .sort();
    expect([1, 2, 3].map(subjects)).toEqual([
      ['You are unsubscribed from Harbour status'],
      ['Stop the updates of Harbour status for everyone here?', '[Investigating] Checkout'],
      ['Change what you get from Harbour status', '[Investigating] Checkout'],
    ]);
    const now = rig.clock.now();
    const links = (who: number) => recipientLinks(SITE, ctx.sign, ids[who - 1]!.id, now);
    const bodyOf = (who: number, subject: RegExp) => {
      const mail = fake.mails.find((one) => one.to === address(who) && subject.test(one.subject));
      return `${mail?.html}`;
    };
    expect(bodyOf(1, /unsubscribed/)).toContain(links(1).unsubscribe_url);
    expect(bodyOf(2, /Stop/)).toContain(links(2).leave_url);
    expect(bodyOf(3, /Change/)).toContain(links(3).manage_url);
  });
});
