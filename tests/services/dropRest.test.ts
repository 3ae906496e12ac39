import { expect, it } from 'vitest';
import { expandNextChunk } from '#delivery/expander.ts';
import { getFanout, getFanoutDetail, listDeliveries, retryRefused } from '#services/deliveries.ts';
import { dropRest, previewDrop } from '#services/dropRest.ts';
import { goOn, listOutgoing, sendNow, stopSending } from '#services/fanoutControl.ts';
import { type HeardPerson, lookUp } from '#services/heard.ts';
import { listUncertain, repeatUncertain } from '#services/outbox.ts';
import { listToldAudiences } from '#services/told.ts';
import { states } from '../delivery/support.ts';
import { eachDatabase } from '../support/databases.ts';
import { outgoingHouse, type Sent } from './outgoingHouse.ts';
import { stakeholderHouse } from './stakeholderHouse.ts';

const ONE = 'The first thing that we know.';
const TWO = 'The second thing that we know.';
const THREE = 'The third thing that we know.';

/** What a mail says in full, not what it quotes as earlier. */
const told = ({ text }: Sent) =>
  [THREE, TWO, ONE].filter((words) => text.split('\nEarlier\n')[0]?.includes(words));

type Fresh = Parameters<typeof outgoingHouse>[0];

/** Two people have the first update, two are in a frozen batch, two wait; it is stopped. */
async function halfway(fresh: Fresh, options: { people?: number } = {}) {
  const house = await outgoingHouse(fresh, options);
  const { id } = await house.declare();
  await house.say(id, { body: ONE, notify: true });
  await house.release();
  house.wire.takes = false;
  await house.turn();
  await house.answer();
  const { noticeId } = await house.newest(id);
  await stopSending(house.ctx, noticeId);
  return { ...house, id, noticeId };
}

/** Four have the first update, two of them are being sent the second, and six wait for both in one; it is stopped. */
async function replaced(fresh: Fresh) {
  const house = await outgoingHouse(fresh, { people: 10 });
  const { ctx, wire, addresses } = house;
  const { id } = await house.declare();
  await house.say(id, { body: ONE, notify: true });
  await house.release();
  wire.takes = false;
  await house.turn();
  await house.answer();
  await house.say(id, { body: TWO, notify: true });
  await house.release();
  await house.answer();
  const { noticeId } = await house.newest(id);
  await stopSending(ctx, noticeId);
  const under = [...wire.taken, ...wire.open.flatMap(({ mails }) => mails)];
  const has = (to: string, words: string) =>
    under.some((mail) => mail.to === to && told(mail).includes(words));
  const unheard = addresses.filter((to) => !has(to, TWO));
  const neither = unheard.filter((to) => !has(to, ONE));
  expect(house.wire.open.flatMap(({ mails }) => mails.map(told))).toEqual([[TWO], [TWO]]);
  expect([unheard.length, neither.length]).toEqual([8, 6]);
  return { ...house, id, noticeId, unheard, neither };
}

eachDatabase('the rest of a stopped message, dropped', (fresh) => {
  it('ends for who has not got it; what is frozen goes; and the next update goes to everyone and does not say it', async () => {
    const house = await halfway(fresh);
    const { ctx, id, noticeId } = house;
    expect(await previewDrop(ctx, noticeId)).toMatchObject({
      incident: { id, title: 'Checkout is failing' },
      stoppedBy: 'comms person',
      got: 4,
      subscribers: 2,
      inAudiences: 0,
      uncorrected: 0,
      getEarlier: 0,
    });
    expect(await dropRest(ctx, noticeId)).toBe(2);
    // Before the rows are ended, too: nobody waits for it any more.
    expect(await getFanout(ctx, noticeId)).toMatchObject({
      waiting: 2,
      sent: 2,
      leftOut: 2,
      stopped: null,
      dropped: { by: 'comms person' },
    });
    expect(await listOutgoing(ctx, id)).toEqual([]);
    await house.drain();
    expect(house.wire.taken).toHaveLength(4);
    expect(await states(house.db)).toEqual({ accepted: 4, superseded: 2 });
    expect((await listDeliveries(ctx, noticeId, { show: 'left_out' })).deliveries).toMatchObject(
      house.addresses.slice(4).map((address) => ({
        address,
        state: 'superseded',
        reason: 'comms person dropped the rest of this message.',
      })),
    );
    expect((await getFanoutDetail(ctx, noticeId)).reasons).toEqual([
      { state: 'superseded', reason: 'comms person dropped the rest of this message.', count: 2 },
    ]);
    expect((await house.audit()).at(-1)).toBe('delivery.drop');

    await house.say(id, { body: TWO, notify: true });
    await house.release();
    await house.drain();
    for (const to of house.addresses.slice(0, 4)) expect(house.heard(to).map(told)).toEqual([[ONE], [TWO]]);
    for (const to of house.addresses.slice(4)) {
      expect(house.heard(to).map(told)).toEqual([[TWO]]);
      expect(house.heard(to)[0]?.text).not.toContain(ONE);
      expect(house.heard(to)[0]?.html).not.toContain('What you missed');
      const heard = (await lookUp(ctx, { sought: { by: 'address', address: to } })) as HeardPerson;
      expect(heard.told.map(({ state, reason }) => [state, reason])).toEqual([
        ['accepted', null],
        ['superseded', 'comms person dropped the rest of this message.'],
      ]);
    }
  });

  it('only of what is stopped, once, and for good', async () => {
    const house = await outgoingHouse(fresh);
    const { ctx } = house;
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    const { noticeId } = await house.newest(id);
    await expect(dropRest(ctx, noticeId)).rejects.toMatchObject({ message: 'Nothing of it is stopped.' });
    await expect(dropRest(ctx, 'nowhere')).rejects.toMatchObject({ code: 'not_found' });
    await stopSending(ctx, noticeId);
    expect(await dropRest(ctx, noticeId)).toBe(6);
    for (const verb of [goOn, sendNow, stopSending, dropRest])
      await expect(verb(ctx, noticeId)).rejects.toMatchObject({ code: 'conflict' });
    await house.release();
    await house.drain();
    expect(house.wire.taken).toEqual([]);
    for (const verb of [goOn, sendNow, stopSending, dropRest])
      await expect(verb(ctx, noticeId)).rejects.toMatchObject({ code: 'conflict' });
    expect((await house.audit()).filter((action) => action === 'delivery.drop')).toHaveLength(1);
  });

  it('a frozen batch that is refused afterwards is not sent again, nor is what was refused or is uncertain', async () => {
    const house = await halfway(fresh);
    await dropRest(house.ctx, house.noticeId);
    // Certainly not taken: its people are queued again, and the circuit is open until someone mends the key.
    await house.answer('configuration');
    await house.db.write((tx) => tx.updateTable('providers').set({ circuit: 'closed' }).execute());
    await house.drain();
    expect(house.wire.taken).toHaveLength(2);
    expect(await states(house.db)).toEqual({ accepted: 2, superseded: 4 });
    await house.db.write((tx) =>
      tx.updateTable('deliveries').set({ state: 'uncertain' }).where('seq', '=', 1).execute(),
    );
    const { deliveries } = await listUncertain(house.ctx);
    expect(
      await repeatUncertain(
        house.ctx,
        deliveries.map(({ seq }) => seq),
      ),
    ).toBe(0);
    await expect(retryRefused(house.ctx, house.noticeId)).rejects.toMatchObject({ code: 'conflict' });
    await house.drain();
    expect(await states(house.db)).toEqual({ uncertain: 1, accepted: 1, superseded: 4 });
  });

  it('in its release window, and between two chunks: everyone has a row that says so, and nobody a mail', async () => {
    const house = await outgoingHouse(fresh, { people: 700 });
    const { ctx } = house;
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    const { noticeId } = await house.newest(id);
    house.ctx.clock.advance(10_000);
    await expandNextChunk({ db: house.db, now: ctx.now });
    await house.say(id, { body: TWO, notify: true });
    const second = (await house.newest(id)).noticeId;
    await stopSending(ctx, noticeId);
    await stopSending(ctx, second);
    expect(await dropRest(ctx, noticeId)).toBe(700);
    expect(await dropRest(ctx, second)).toBe(700);
    expect(await getFanout(ctx, second)).toMatchObject({ waiting: 0, leftOut: 700, total: 700 });
    await house.drain();
    expect(await states(house.db)).toEqual({ superseded: 1_400 });
    expect(await getFanout(ctx, noticeId)).toMatchObject({ waiting: 0, leftOut: 700, total: 700 });
    expect(house.wire.taken).toEqual([]);
    const unfinished = await house.db.read((tx) =>
      tx.selectFrom('fanouts').select('seq').where('finished_at', 'is', null).execute(),
    );
    expect(unfinished).toEqual([]);
  });

  it('with one that is taking its place, between two chunks of that: everyone has a row that says so, and nobody a mail', async () => {
    const house = await outgoingHouse(fresh, { people: 700 });
    const { ctx } = house;
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    const { noticeId } = await house.newest(id);
    await house.say(id, { body: TWO, notify: true });
    house.ctx.clock.advance(10_000);
    await expandNextChunk({ db: house.db, now: ctx.now });
    const second = (await house.newest(id)).noticeId;
    await stopSending(ctx, noticeId);
    await stopSending(ctx, second);
    // The others had its place taken already.
    expect(await dropRest(ctx, noticeId)).toBe(200);
    expect(await dropRest(ctx, second)).toBe(700);
    expect(await getFanout(ctx, second)).toMatchObject({ waiting: 0, leftOut: 700, total: 700 });
    await house.drain();
    expect(await states(house.db)).toEqual({ superseded: 1_400 });
    expect(await getFanout(ctx, noticeId)).toMatchObject({ waiting: 0, total: 700 });
    expect(house.wire.taken).toEqual([]);
    const unfinished = await house.db.read((tx) =>
      tx.selectFrom('fanouts').select('seq').where('finished_at', 'is', null).execute(),
    );
    expect(unfinished).toEqual([]);
  });

  it('that had taken the place of an earlier one: who has not got that gets it alone, after a release window', async () => {
    const house = await replaced(fresh);
    const { ctx, id, noticeId, addresses, unheard, neither } = house;
    expect(await previewDrop(ctx, noticeId)).toMatchObject({ got: 2, subscribers: 8, getEarlier: 6 });
    await dropRest(ctx, noticeId);
    await house.drain();
    expect(await listOutgoing(ctx, id)).toMatchObject([{ state: 'waiting', got: 4 }]);
    for (const to of neither) expect(house.heard(to)).toEqual([]);
    await house.release();
    await house.drain();
    for (const to of addresses) {
      const words = house.heard(to).flatMap(told);
      expect(words.filter((one) => one === ONE)).toHaveLength(1);
      expect(words.filter((one) => one === TWO)).toHaveLength(unheard.includes(to) ? 0 : 1);
    }
    for (const to of neither) {
      expect(house.heard(to).map(told)).toEqual([[ONE]]);
      expect(house.heard(to)[0]?.text).not.toContain(TWO);
    }
    expect(await listOutgoing(ctx, id)).toEqual([]);
  });

  it('a newer one that comes before that earlier one leaves says it as missed, and not what was dropped', async () => {
    const house = await replaced(fresh);
    const { ctx, id, noticeId, unheard, neither } = house;
    await dropRest(ctx, noticeId);
    await house.expand();
    await house.say(id, { body: THREE, notify: true });
    await house.release();
    await house.drain();
    for (const to of unheard) {
      expect(house.heard(to).map(told)).toEqual(neither.includes(to) ? [[THREE, ONE]] : [[ONE], [THREE]]);
      expect(house.heard(to).at(-1)?.text).not.toContain(TWO);
    }
  });

  it('a newer one that comes before those rows are ended does, too', async () => {
    const house = await replaced(fresh);
    const { ctx, id, noticeId, unheard, neither } = house;
    await dropRest(ctx, noticeId);
    await house.say(id, { body: THREE, notify: true });
    await house.release();
    await house.drain();
    await house.release();
    await house.drain();
    for (const to of unheard) {
      const mails = house.heard(to);
      expect(mails.flatMap(told).sort()).toEqual([ONE, THREE].sort());
      expect(mails.length).toBe(neither.includes(to) ? 1 : 2);
      expect(mails.at(-1)?.text).not.toContain(TWO);
    }
  });

  it('does not bring back an earlier one that was stopped before it', async () => {
    const house = await outgoingHouse(fresh, { people: 2 });
    const { ctx } = house;
    const { id } = await house.declare();
    for (const body of [ONE, TWO]) {
      await house.say(id, { body, notify: true });
      await house.release();
      await stopSending(ctx, (await house.newest(id)).noticeId);
    }
    const { noticeId } = await house.newest(id);
    expect(await previewDrop(ctx, noticeId)).toMatchObject({ subscribers: 2, getEarlier: 0 });
    await dropRest(ctx, noticeId);
    await house.release();
    await house.drain();
    expect(house.wire.taken).toEqual([]);
    expect(await listOutgoing(ctx, id)).toEqual([]);
    expect(await states(house.db)).toEqual({ superseded: 4 });
  });

  it('ends what comes back of a frozen batch, and brings those people the earlier one, too', async () => {
    const house = await outgoingHouse(fresh, { people: 4 });
    const { ctx, wire } = house;
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    wire.takes = false;
    await house.turn();
    const { noticeId } = await house.newest(id);
    await stopSending(ctx, noticeId);
    await dropRest(ctx, noticeId);
    await house.expand();
    expect(wire.open.flatMap(({ mails }) => mails.map(told))).toEqual([
      [TWO, ONE],
      [TWO, ONE],
    ]);
    await house.answer('configuration');
    await house.db.write((tx) => tx.updateTable('providers').set({ circuit: 'closed' }).execute());
    await house.release();
    await house.drain();
    for (const to of house.addresses) expect(house.heard(to).map(told)).toEqual([[ONE]]);
    expect(await states(house.db)).toEqual({ accepted: 4, superseded: 4 });
  });

  it('of a reopening does not bring back that it is over, but what was said before that', async () => {
    const house = await outgoingHouse(fresh, { people: 2 });
    const { ctx } = house;
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.say(id, { status: 'resolved', reason: 'It is over.', body: TWO, notify: true });
    await house.say(id, { status: 'investigating', body: THREE, notify: true });
    await house.release();
    const { noticeId } = await house.newest(id);
    await stopSending(ctx, noticeId);
    expect(await previewDrop(ctx, noticeId)).toMatchObject({ subscribers: 2, getEarlier: 2 });
    await dropRest(ctx, noticeId);
    await house.drain();
    await house.release();
    await house.drain();
    for (const to of house.addresses) expect(house.heard(to).map(told)).toEqual([[ONE]]);
  });

  it('of a stopped resolution lets go what had to wait behind it, while some of that is still being sent', async () => {
    const house = await outgoingHouse(fresh, { people: 6, concurrency: 2 });
    const { ctx, wire } = house;
    const { id } = await house.declare();
    await house.say(id, { status: 'resolved', reason: 'It is over.', body: TWO, notify: true });
    await house.release();
    wire.takes = false;
    await house.turn();
    const { noticeId } = await house.newest(id);
    await stopSending(ctx, noticeId);
    await house.say(id, { status: 'postmortem', body: THREE, notify: true });
    await house.release();
    await house.answer();
    expect(wire.open.flatMap(({ mails }) => mails.map(told))).toEqual([[TWO], [TWO]]);
    await dropRest(ctx, noticeId);
    await house.expand();
    await house.turn();
    expect(wire.open.flatMap(({ mails }) => mails.map(told)).flat()).toContain(THREE);
    await house.drain();
    for (const to of house.addresses.slice(0, 4)) expect(house.heard(to).map(told)).toEqual([[TWO], [THREE]]);
    for (const to of house.addresses.slice(4)) expect(house.heard(to).map(told)).toEqual([[THREE]]);
  });

  it('mended afterwards, only who got it is told of the change; later mail quotes it as it is right', async () => {
    const house = await halfway(fresh);
    const MENDED = 'The first thing, put right.';
    await dropRest(house.ctx, house.noticeId);
    await house.drain();
    expect(await house.edit(house.id, MENDED)).toEqual({ told: 4 });
    await house.release();
    await house.drain();
    for (const to of house.addresses.slice(0, 4)) {
      expect(house.heard(to)).toHaveLength(2);
      expect(house.heard(to)[1]?.subject).toBe('[Correction] Checkout is failing');
    }
    for (const to of house.addresses.slice(4)) expect(house.heard(to)).toEqual([]);
    await house.say(house.id, { body: TWO, notify: true });
    await house.release();
    await house.drain();
    for (const to of house.addresses.slice(4)) {
      expect(house.heard(to).map(told)).toEqual([[TWO]]);
      expect(house.heard(to)[0]?.text).toContain(MENDED);
    }
  });

  it('with a correction that is not through: it says that some keep the wrong text', async () => {
    const house = await halfway(fresh);
    await house.edit(house.id, 'The first thing, put right.');
    await stopSending(house.ctx, house.noticeId);
    expect(await previewDrop(house.ctx, house.noticeId)).toMatchObject({ subscribers: 2, uncorrected: 4 });
    await dropRest(house.ctx, house.noticeId);
    await house.release();
    await house.drain();
    expect(house.wire.taken).toHaveLength(4);
    expect(await listOutgoing(house.ctx, house.id)).toEqual([]);
  });

  it('a drop that comes while mails are being written wins: nothing of them is frozen', async () => {
    const house = await outgoingHouse(fresh);
    const { ctx, rig } = house;
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    const { noticeId } = await house.newest(id);
    const build = rig.transport.build;
    rig.transport.build = async (mails, at) => {
      rig.transport.build = build;
      await stopSending(ctx, noticeId);
      await dropRest(ctx, noticeId);
      return build(mails, at);
    };
    await house.drain();
    expect(house.wire.taken).toEqual([]);
    expect(await states(house.db)).toEqual({ superseded: 6 });
  });
});

eachDatabase('the rest of a message to audiences, dropped', (fresh) => {
  it('goes with the subscribers’, and who has heard nothing yet gets all of it next time', async () => {
    const { ctx, declare, say, told: toldNow, last } = await stakeholderHouse(fresh);
    const { id } = await declare();
    const [declared] = await listOutgoing(ctx, id);
    await stopSending(ctx, declared?.noticeId as string);
    expect(await previewDrop(ctx, declared?.noticeId as string)).toMatchObject({
      got: 0,
      subscribers: 0,
      inAudiences: 3,
    });
    await dropRest(ctx, declared?.noticeId as string);
    expect(await toldNow()).toEqual([]);
    expect(
      (await listToldAudiences(ctx, id)).map(({ name, moments }) => [name, moments[0]?.stopped]),
    ).toEqual([
      ['Executives', true],
      ['Managers', true],
      ['Support', true],
    ]);
    await say(id, { audience: 'internal', body: 'Theory: split brain.' });
    expect(await toldNow()).toEqual(['max, sue: [SEV1, Inside] Checkout is failing']);
    expect(last('max').text).toContain('Theory: split brain.');
    await say(id, { notify: true, body: 'Card payments fail for some.' });
    const two = await listOutgoing(ctx, id);
    await stopSending(ctx, two[0]?.noticeId as string);
    expect(await previewDrop(ctx, two[0]?.noticeId as string)).toMatchObject({
      subscribers: 1,
      inAudiences: 4,
    });
    await dropRest(ctx, two[1]?.noticeId as string);
    expect(await toldNow()).toEqual([]);
    expect(await listOutgoing(ctx, id)).toEqual([]);
    await say(id, { notify: true, body: 'It is mended for most.' });
    expect(await toldNow()).toEqual([
      'ann: [Investigating] Checkout is failing',
      'eva, max, sue: [SEV1, Investigating] Checkout is failing',
    ]);
    for (const name of ['ann', 'eva']) expect(last(name).text).not.toContain('Card payments fail for some.');
  });

  it('and mended afterwards, is told to nobody after all: who hears for the first time reads it quoted, as it is right', async () => {
    const { ctx, declare, say, edit, told, last } = await stakeholderHouse(fresh);
    const { id } = await declare();
    await told();
    await say(id, { notify: true, body: 'All payments fail.' });
    const stopped = (await listOutgoing(ctx, id)).find(({ audiences }) => audiences !== null);
    await stopSending(ctx, stopped?.noticeId as string);
    await dropRest(ctx, stopped?.noticeId as string);
    expect(await told()).toEqual([]);
    const right = `Card payments fail. ${'It is the bank’s side. '.repeat(20)}`;
    await edit(id, `${right}\n\nThis is the end of it.`, { notify: true });
    expect(await told()).toEqual([]);
    await say(id, { notify: true, body: 'It is mended for most.' });
    expect(await told()).toEqual([
      'ann: [Investigating] Checkout is failing',
      'eva, max, sue: [SEV1, Investigating] Checkout is failing',
    ]);
    for (const name of ['ann', 'eva']) {
      expect(last(name).text).toContain('Card payments fail.');
      expect(last(name).text).not.toContain('All payments fail.');
      // In brief, as what was said before: not as news that they missed.
      expect(last(name).text).not.toContain('This is the end of it.');
    }
  });
});
