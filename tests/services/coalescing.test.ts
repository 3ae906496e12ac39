import { expect, it } from 'vitest';
import { listHeads } from '#db/deliveries.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { addMs, HOUR } from '#domain/time.ts';
import { goOn, listOutgoing, sendNow, stopSending } from '#services/fanoutControl.ts';
import { scheduleMaintenance, startMaintenance } from '#services/maintenance.ts';
import { listUncertain, repeatUncertain } from '#services/outbox.ts';
import { states } from '../delivery/support.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { outgoingHouse, type Sent } from './outgoingHouse.ts';

const ONE = 'The first thing that we know.';
const TWO = 'The second thing that we know.';
const THREE = 'The third thing that we know.';

/** Which of the three a mail says in full, newest first; what it only quotes as earlier is left out. */
const told = (mail: Sent) =>
  [THREE, TWO, ONE].filter((text) => mail.text.split('\nEarlier\n')[0]?.includes(text));

eachDatabase('a newer update', (fresh) => {
  it('takes the place of the unsent older ones and says what they missed, newest first', async () => {
    const house = await outgoingHouse(fresh);
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await house.answer();
    // Two have it, two are being sent it, two wait.
    await house.say(id, { body: TWO, status: 'identified', notify: true });
    await house.release();
    house.ctx.clock.advance(60_000);
    await house.say(id, { body: THREE, status: 'monitoring', notify: true });
    await house.release();
    await house.drain();
    const [a, b, c, d, e, f] = house.addresses as [string, string, string, string, string, string];
    for (const to of [a, b, c, d]) expect(house.heard(to).map(told)).toEqual([[ONE], [THREE, TWO]]);
    for (const to of [e, f]) {
      expect(house.heard(to).map(told)).toEqual([[THREE, TWO, ONE]]);
      const { text, html } = house.heard(to)[0] as Sent;
      expect(text).toMatch(
        /Monitoring[\s\S]*third[\s\S]*What you missed[\s\S]*Identified, 14:00 UTC\nThe second[\s\S]*Investigating, 14:00 UTC\nThe first/,
      );
      expect(html.indexOf(TWO)).toBeGreaterThan(html.indexOf('What you missed'));
    }
    expect(await states(house.db)).toEqual({ accepted: 10, superseded: 8 });
  });

  it('goes out while the older is still being expanded, more urgent: everyone gets it once, with the older in it', async () => {
    const house = await outgoingHouse(fresh, { people: 1_200, batchSize: 100 });
    const { id } = await house.declare({ severity: 'SEV2' });
    await house.say(id, { body: ONE, notify: true });
    house.ctx.clock.advance(10_000);
    await expandNextChunk({ db: house.db, now: house.ctx.now });
    await house.say(id, { body: TWO, severity: 'SEV1', notify: true });
    await sendNow(house.ctx, (await house.newest(id)).noticeId);
    await house.drain();
    expect(house.wire.taken).toHaveLength(1_200);
    expect(house.wire.taken.every((mail) => told(mail).join() === [TWO, ONE].join())).toBe(true);
    expect(await states(house.db)).toEqual({ accepted: 1_200, superseded: 1_200 });
  });

  it('is not followed by an older one that was uncertain and is asked for again', async () => {
    const house = await outgoingHouse(fresh, { people: 8 });
    const { db, ctx, wire, addresses } = house;
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    await house.drain();
    const lost = addresses.slice(2);
    wire.taken.splice(0);
    await db.write(async (tx) => {
      const people = tx.selectFrom('recipients').select('seq').where('address', 'in', lost);
      await tx
        .updateTable('deliveries')
        .set({ state: 'uncertain', reason: 'No answer.' })
        .where('recipient_seq', 'in', people)
        .execute();
    });
    wire.takes = false;
    await house.say(id, { body: TWO, status: 'identified', notify: true });
    await house.release();
    // Four have the newer one, two are being sent it, two wait.
    await house.turn();
    await house.answer();
    await house.answer();
    const { deliveries } = await listUncertain(ctx);
    expect(deliveries).toHaveLength(6);
    const again = deliveries.map(({ seq }) => seq);
    expect(await repeatUncertain(ctx, again)).toBe(2);
    await house.drain();
    for (const to of addresses.slice(0, 6)) expect(house.heard(to).map(told)).toEqual([[TWO]]);
    for (const to of addresses.slice(6)) expect(house.heard(to).map(told)).toEqual([[ONE], [TWO]]);
    expect(await states(db)).toEqual({ accepted: 12, superseded: 4 });
  });

  it('leaves the older to those whom the newer does not concern', async () => {
    const house = await outgoingHouse(fresh, { people: 0 });
    const component = (id: string) => [{ kind: 'component' as const, id }];
    const [payer] = await makeSubscribers(house.db, 1, component(house.checkout.id));
    const [buyer] = await makeSubscribers(house.db, 1, component(house.cart.id));
    const [both] = await makeSubscribers(house.db, 1);
    const { id } = await house.declare({ components: [{ id: house.checkout.id, status: 'major_outage' }] });
    await house.say(id, { body: ONE, notify: true });
    // A notice whose filter names another component alone, as one that was stored could.
    await house.say(id, {
      body: TWO,
      components: [{ id: house.cart.id, status: 'partial_outage' }],
      notify: true,
    });
    await house.db.write((tx) =>
      tx
        .updateTable('fanouts')
        .set({ filter: JSON.stringify({ components: [house.cart.id], groups: [] }) })
        .where('seq', '=', 2)
        .execute(),
    );
    await house.release();
    await house.drain();
    expect(house.heard(payer as string).map(told)).toEqual([[ONE]]);
    expect(house.heard(buyer as string).map(told)).toEqual([[TWO]]);
    expect(house.heard(both as string).map(told)).toEqual([[TWO, ONE]]);
  });

  it('waits for the older one that is on its way, and no longer than ten minutes', async () => {
    const house = await outgoingHouse(fresh, { people: 2, concurrency: 2 });
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    await house.turn();
    const underWay = () => house.wire.open.flatMap(({ mails }) => mails.map((mail) => told(mail).join()));
    expect(underWay()).not.toContain(TWO);
    house.ctx.clock.advance(10 * 60_000);
    await house.turn();
    expect(underWay()).toContain(TWO);
  });

  it('takes the place of what comes back to the queue after it', async () => {
    const house = await outgoingHouse(fresh, { people: 2 });
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    await house.answer('configuration');
    await house.db.write((tx) => tx.updateTable('providers').set({ circuit: 'closed' }).execute());
    await house.drain();
    for (const to of house.addresses) expect(house.heard(to).map(told)).toEqual([[TWO, ONE]]);
  });

  it('is not kept waiting by a stopped older one, and does not repeat it', async () => {
    const house = await outgoingHouse(fresh);
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    const first = (await house.newest(id)).noticeId;
    await stopSending(house.ctx, first);
    await house.answer();
    expect(house.wire.open).toEqual([]);
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    await house.drain();
    const [a, b, ...others] = house.addresses as string[];
    for (const to of [a, b]) expect(house.heard(to as string).map(told)).toEqual([[ONE], [TWO]]);
    for (const to of others) {
      expect(house.heard(to).map(told)).toEqual([[TWO]]);
      expect(house.heard(to)[0]?.text).not.toContain(ONE);
    }
    await expect(goOn(house.ctx, first)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('carries a mended older one, mended while it waits', async () => {
    const house = await outgoingHouse(fresh);
    const MENDED = 'The first thing, put right.';
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await stopSending(house.ctx, (await house.newest(id)).noticeId);
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    await house.turn();
    // The first batch is still under way; the newer one waits behind it and goes to the others.
    await house.edit(id, MENDED, { index: 1 });
    await house.release();
    await house.answer();
    await house.drain();
    const [a, b, c, d, ...others] = house.addresses as string[];
    for (const to of [a, b]) {
      const subjects = house.heard(to as string).map(({ subject }) => subject.split(' ')[0]);
      expect(subjects.sort()).toEqual(['[Correction]', '[Investigating]', '[Investigating]']);
    }
    for (const to of [c, d, ...others]) {
      expect(house.heard(to as string)).toHaveLength(1);
      const [mail] = house.heard(to as string);
      expect(mail?.text).toContain(TWO);
      expect(mail?.text).not.toContain(ONE);
    }
    for (const to of others) expect(house.heard(to)[0]?.text).toContain(MENDED);
  });

  it('that waits no longer says what is stopped after it was posted, and says it again when that goes on', async () => {
    const house = await outgoingHouse(fresh, { people: 4 });
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    const first = (await house.newest(id)).noticeId;
    await house.say(id, { body: TWO, notify: true });
    await stopSending(house.ctx, first);
    await goOn(house.ctx, first);
    await stopSending(house.ctx, first);
    await house.release();
    await house.drain();
    for (const to of house.addresses) {
      expect(house.heard(to).map(told)).toEqual([[TWO]]);
      expect(house.heard(to)[0]?.text).not.toContain(ONE);
    }
    const again = await outgoingHouse(fresh, { people: 2 });
    const { id: other } = await again.declare();
    await again.say(other, { body: ONE, notify: true });
    const older = (await again.newest(other)).noticeId;
    await again.say(other, { body: TWO, notify: true });
    await stopSending(again.ctx, older);
    await goOn(again.ctx, older);
    await again.release();
    await again.drain();
    for (const to of again.addresses) expect(again.heard(to).map(told)).toEqual([[TWO, ONE]]);
  });

  it('never quotes what was stopped, though that is over; mended then, it is told once, by a mail of its own', async () => {
    const house = await outgoingHouse(fresh, { people: 2 });
    const MENDED = 'The first thing, put right.';
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    await stopSending(house.ctx, (await house.newest(id)).noticeId);
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    await house.drain();
    await house.say(id, { body: THREE, notify: true });
    await house.expand();
    expect(await house.edit(id, MENDED, { index: 2 })).toEqual({ told: 2 });
    await house.release();
    await house.drain();
    for (const to of house.addresses) {
      const mails = house.heard(to);
      expect(mails.map(told)).toEqual([[TWO], [THREE], []]);
      expect(mails.filter(({ text }) => text.includes(ONE))).toEqual([]);
      expect(mails.map(({ text }) => text.includes(MENDED))).toEqual([false, false, true]);
    }
    await house.say(id, { body: 'The fourth thing that we know.', notify: true });
    await house.release();
    await house.drain();
    // From now on it is quoted as it is right.
    expect(house.heard(house.addresses[0] as string).at(-1)?.text).toContain(MENDED);
  });

  it('is mended itself, in each of its variants: who got one of them gets one correction', async () => {
    const house = await outgoingHouse(fresh, { people: 8 });
    const MENDED = 'The second thing, put right.';
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await house.answer();
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    // Four got the second after the first, two are being sent both in one, and two wait for that.
    for (let calls = 0; calls < 3; calls += 1) await house.answer();
    expect(house.wire.open.flatMap(({ mails }) => mails.map(told))).toEqual([
      [TWO, ONE],
      [TWO, ONE],
    ]);
    await stopSending(house.ctx, (await house.newest(id)).noticeId);
    await house.edit(id, MENDED);
    await house.release();
    await house.drain();
    const said = (to: string) =>
      house
        .heard(to)
        .map(({ subject, text }) => [
          subject.split(' ')[0],
          ...[MENDED, TWO, ONE].filter((words) => text.split('\nEarlier\n')[0]?.includes(words)),
        ]);
    const [a, b, c, d, e, f, g, h] = house.addresses as string[];
    for (const to of [a, b, c, d])
      expect(said(to as string)).toEqual([
        ['[Investigating]', ONE],
        ['[Investigating]', TWO],
        ['[Correction]', MENDED],
      ]);
    for (const to of [e, f])
      expect(said(to as string)).toEqual([
        ['[Investigating]', TWO, ONE],
        ['[Correction]', MENDED],
      ]);
    for (const to of [g, h]) expect(said(to as string)).toEqual([['[Investigating]', MENDED, ONE]]);
  });

  it('quotes what was said before as it stands when it leaves', async () => {
    const house = await outgoingHouse(fresh, { people: 2 });
    const MENDED = 'The first thing, put right.';
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    await house.drain();
    await house.say(id, { body: TWO, notify: true });
    await house.edit(id, MENDED, { index: 1, notify: false });
    await house.release();
    await house.drain();
    for (const to of house.addresses) {
      const second = house.heard(to)[1] as Sent;
      expect(told(second)).toEqual([TWO]);
      expect(second.text).toContain(MENDED);
      expect(second.html).not.toContain(ONE);
    }
  });

  it('of a maintenance does the same, with the urgency of one', async () => {
    const house = await outgoingHouse(fresh, { people: 2 });
    const planned = await scheduleMaintenance(house.ctx, {
      title: 'Database upgrade',
      body: ONE,
      scheduledFor: addMs(house.ctx.now(), HOUR),
      scheduledUntil: addMs(house.ctx.now(), 2 * HOUR),
      components: [house.checkout.id],
      notify: true,
    });
    const { version } = await house.get(planned.id);
    await startMaintenance(house.ctx, { maintenanceId: planned.id, version, body: TWO, notify: true });
    await house.release();
    const heads = await house.db.read((tx) => listHeads(tx, { lane: 'mail', now: house.ctx.now() }));
    expect([...heads.keys()]).toEqual([2]);
    await house.drain();
    for (const to of house.addresses) expect(house.heard(to).map(told)).toEqual([[TWO, ONE]]);
  });

  it('does not wait for an older one of which nobody knows whether it arrived', async () => {
    const house = await outgoingHouse(fresh, { people: 2, concurrency: 2 });
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    // Of the other it is not known yet, so the first one is not through.
    await house.db.write((tx) =>
      tx.updateTable('deliveries').set({ state: 'uncertain' }).where('seq', '=', 1).execute(),
    );
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    await house.turn();
    const underWay = house.wire.open.flatMap(({ mails }) => mails.map(told));
    expect(underWay).toEqual([[ONE], [ONE], [TWO]]);
  });
});

eachDatabase('a resolution', (fresh) => {
  const over = { status: 'resolved' as const, reason: 'It is over.', body: THREE, notify: true };

  it('says what was missed, and no later word takes its place', async () => {
    const house = await outgoingHouse(fresh);
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.say(id, over);
    house.ctx.clock.advance(1_000);
    await house.say(id, { status: 'postmortem', body: 'What we learned.', notify: true });
    await house.release();
    await house.drain();
    for (const to of house.addresses) {
      const [first, second, ...more] = house.heard(to);
      expect(told(first as Sent)).toEqual([THREE, ONE]);
      expect(second?.text).toContain('What we learned.');
      expect(more).toEqual([]);
    }
  });

  it('keeps its turn before a later word although it is expanded after it', async () => {
    const house = await outgoingHouse(fresh, { people: 4 });
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    await house.drain();
    await house.say(id, over);
    const resolution = (await house.newest(id)).noticeId;
    await stopSending(house.ctx, resolution);
    await house.say(id, { status: 'postmortem', body: 'What we learned.', notify: true });
    await house.release();
    await house.drain();
    expect(house.wire.taken).toHaveLength(4);
    await goOn(house.ctx, resolution);
    await house.drain();
    for (const to of house.addresses)
      expect(house.heard(to).map(({ subject }) => subject.split(' ')[0])).toEqual([
        '[Investigating]',
        '[Resolved]',
        '[Postmortem]',
      ]);
  });

  it('that is stopped holds back a later word, and neither stands in the queue before others', async () => {
    const house = await outgoingHouse(fresh, { people: 4 });
    const { id } = await house.declare();
    await house.say(id, over);
    const resolution = (await house.newest(id)).noticeId;
    await house.say(id, { status: 'postmortem', body: 'What we learned.', notify: true });
    await house.release();
    expect(await states(house.db)).toEqual({ queued: 8 });
    const heads = () => house.db.read((tx) => listHeads(tx, { lane: 'mail', now: house.ctx.now() }));
    expect((await heads()).size).toBe(1);
    await stopSending(house.ctx, resolution);
    await house.expand();
    expect((await heads()).size).toBe(0);
    expect((await listOutgoing(house.ctx, id)).map(({ state }) => state)).toEqual(['behind', 'stopped']);
    await goOn(house.ctx, resolution);
    await house.drain();
    for (const to of house.addresses)
      expect(house.heard(to).map(({ subject }) => subject.split(' ')[0])).toEqual([
        '[Resolved]',
        '[Postmortem]',
      ]);
  });

  it('goes out although an update before it is stopped, and does not repeat that', async () => {
    const house = await outgoingHouse(fresh);
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await stopSending(house.ctx, (await house.newest(id)).noticeId);
    await house.say(id, over);
    await house.release();
    await house.answer();
    await house.drain();
    const [a, b, ...others] = house.addresses as string[];
    for (const to of [a, b]) expect(house.heard(to as string).map(told)).toEqual([[ONE], [THREE]]);
    for (const to of others) {
      expect(house.heard(to).map(told)).toEqual([[THREE]]);
      expect(house.heard(to)[0]?.html).not.toContain(ONE);
    }
    expect(await listOutgoing(house.ctx, id)).toEqual([]);
  });

  it('that is taken back takes the unsent resolutions with it and tells at once everyone who got one', async () => {
    const house = await outgoingHouse(fresh, { people: 3, batchSize: 1 });
    const component = (id: string) => [{ kind: 'component' as const, id }];
    const [payer] = await makeSubscribers(house.db, 1, component(house.checkout.id));
    const { id } = await house.declare({ severity: 'SEV1' });
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    await house.drain();
    await house.say(id, over);
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await house.answer();
    const [a, b, c] = house.addresses as [string, string, string];
    // It comes back as a trouble of the cart alone: those who follow the checkout were told that it is over.
    await house.say(id, {
      status: 'investigating',
      body: TWO,
      components: [{ id: house.cart.id, status: 'major_outage' }],
      notify: true,
    });
    await house.release();
    await house.drain();
    expect(house.heard(a).map(({ subject }) => subject.split(']')[0])).toEqual([
      '[Investigating',
      '[Resolved',
      '[Investigating again',
    ]);
    expect(house.heard(b)).toHaveLength(3);
    for (const to of [c, payer as string]) {
      const mails = house.heard(to);
      expect(mails).toHaveLength(2);
      expect(told(mails[1] as Sent)).toEqual([THREE, TWO]);
    }
  });
});
