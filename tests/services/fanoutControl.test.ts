import { expect, it } from 'vitest';
import { queuedNow } from '#db/deliveries.ts';
import { readHolds } from '#db/unfinished.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { goOn, listOutgoing, previewMend, sendNow, stopSending } from '#services/fanoutControl.ts';
import { getIncident } from '#services/incidents.ts';
import { states } from '../delivery/support.ts';
import { eachDatabase } from '../support/databases.ts';
import { outgoingHouse, type Sent } from './outgoingHouse.ts';

const WRONG = 'All payments in the world fail.';
const RIGHT = 'Card payments in Europe fail.';

const says =
  (...parts: string[]) =>
  (mail: Sent) =>
    parts.every((part) => mail.text.includes(part));

/** The mail without its personal links, as a preview shows it. */
const impersonal = (mail?: Sent) =>
  mail?.html.replace(/(https:\/\/status\.example\.com)\/(subscription|unsubscribe)\/[\w-]+/g, '$1');

eachDatabase('the release window', (fresh) => {
  it('holds a post’s mail for ten seconds, and Send now ends it', async () => {
    const house = await outgoingHouse(fresh);
    const { id } = await house.declare();
    await house.say(id, { body: WRONG, notify: true });
    await house.drain();
    expect(house.wire.taken).toEqual([]);
    expect(await listOutgoing(house.ctx, id)).toMatchObject([
      { state: 'waiting', releaseAt: '2026-11-20T14:00:10.000Z', got: 0, total: 6 },
    ]);
    house.ctx.clock.advance(9_999);
    await house.drain();
    expect(house.wire.taken).toEqual([]);
    house.ctx.clock.advance(1);
    await house.drain();
    expect(house.wire.taken).toHaveLength(6);
    expect(await listOutgoing(house.ctx, id)).toEqual([]);

    await house.say(id, { body: 'More is known.', notify: true });
    await sendNow(house.ctx, (await house.newest(id)).noticeId);
    await house.drain();
    expect(house.wire.taken).toHaveLength(12);
  });

  it('lets a text be mended that nobody got: everyone gets the right one and nobody a correction', async () => {
    const house = await outgoingHouse(fresh);
    const { id } = await house.declare();
    await house.say(id, { body: WRONG, notify: true });
    await stopSending(house.ctx, (await house.newest(id)).noticeId);
    house.ctx.clock.advance(60_000);
    await house.drain();
    expect(house.wire.taken).toEqual([]);
    expect(await house.edit(id, RIGHT)).toEqual({ told: 0 });
    await house.drain();
    // The mended one waits for as long again.
    expect(house.wire.taken).toEqual([]);
    house.ctx.clock.advance(10_000);
    await house.drain();
    expect(house.wire.taken).toHaveLength(6);
    expect(house.wire.taken.every(says(RIGHT))).toBe(true);
    expect(house.wire.taken.some(says(WRONG))).toBe(false);
    expect(house.wire.taken.some(({ subject }) => subject.includes('Correction'))).toBe(false);
  });
});

eachDatabase('stop, in the middle of it', (fresh) => {
  /** Two people have it, two are in a frozen batch, two are queued. */
  async function halfway(options: { people?: number } = {}) {
    const house = await outgoingHouse(fresh, options);
    const { id } = await house.declare();
    await house.say(id, { body: WRONG, notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await house.answer();
    expect(house.wire.taken).toHaveLength(2);
    expect(house.wire.open).toHaveLength(1);
    return { ...house, id, noticeId: (await house.newest(id)).noticeId };
  }

  it('freezes nothing more, leaves what is frozen alone, and goes on where it stood', async () => {
    const house = await halfway();
    await stopSending(house.ctx, house.noticeId);
    expect(await listOutgoing(house.ctx, house.id)).toMatchObject([
      { state: 'stopped', got: 4, total: 6, stoppedBy: 'comms person' },
    ]);
    await house.drain();
    expect(house.wire.taken).toHaveLength(4);
    await goOn(house.ctx, house.noticeId);
    await house.drain();
    expect(house.wire.taken.map(({ to }) => to).sort()).toEqual(house.addresses);
    expect(house.wire.taken.every(says(WRONG))).toBe(true);
  });

  it('mended: the unsent get the right text as if nothing had been, the others one correction', async () => {
    const house = await halfway();
    await stopSending(house.ctx, house.noticeId);
    const {
      id: updateId,
      scope,
      affected,
      workaround,
      estimate,
    } = (await getIncident(house.ctx, house.id)).updates[0]!;
    const preview = await previewMend(house.ctx, {
      updateId,
      body: RIGHT,
      ...{ scope, affected, workaround, estimate },
      wrong: 'Only cards in Europe are affected',
    });
    expect(preview).toMatchObject({ right: 2, corrected: 4 });
    expect(await house.edit(house.id, RIGHT, { wrong: 'Only cards in Europe are affected' })).toEqual({
      told: 4,
    });
    expect(await listOutgoing(house.ctx, house.id)).toMatchObject([
      { state: 'waiting', got: 4, total: 6, corrected: 4 },
    ]);
    await house.release();
    await house.drain();
    for (const to of house.addresses.slice(0, 4)) {
      const [first, second, ...more] = house.heard(to);
      expect(first).toSatisfy(says(WRONG));
      expect(second?.subject).toBe('[Correction] Checkout is failing');
      expect(second?.text).toContain('What we wrote at 14:00 UTC was not right.');
      expect(second?.text).toMatch(/Only cards in Europe are\s+affected\./);
      expect(second).toSatisfy(says(RIGHT));
      expect(impersonal(second)).toBe(preview.correction.html);
      expect(more).toEqual([]);
    }
    for (const to of house.addresses.slice(4)) {
      expect(house.heard(to)).toHaveLength(1);
      expect(house.heard(to)[0]).toSatisfy(says(RIGHT));
      expect(house.heard(to)[0]?.html).not.toContain(WRONG);
      expect(impersonal(house.heard(to)[0])).toBe(preview.mail.html);
      expect(house.heard(to)[0]?.subject).toBe(house.heard(house.addresses[0] as string)[0]?.subject);
    }
    const edited = (await getIncident(house.ctx, house.id)).updates[0]!;
    expect(edited).toMatchObject({ body: RIGHT, edits: [{ before: { body: WRONG } }] });
    expect(edited.editedAt).not.toBeNull();
  });

  it('a frozen batch that is refused after the mend goes with the right text, and its correction is not needed', async () => {
    const house = await halfway();
    await stopSending(house.ctx, house.noticeId);
    await house.edit(house.id, RIGHT);
    await house.release();
    await house.turn();
    // Certainly not taken: its people are queued again, and the circuit is open until someone mends the key.
    await house.answer('configuration');
    await house.db.write((tx) => tx.updateTable('providers').set({ circuit: 'closed' }).execute());
    await house.drain();
    const [a, b, c, d, e, f] = house.addresses as [string, string, string, string, string, string];
    for (const to of [a, b]) expect(house.heard(to).map(({ subject }) => subject)).toHaveLength(2);
    for (const to of [c, d, e, f]) {
      expect(house.heard(to)).toHaveLength(1);
      expect(house.heard(to)[0]).toSatisfy(says(RIGHT));
    }
    expect((await states(house.db)).superseded).toBe(2);
  });

  it('a correction waits until it is known whether the wrong mail went, however long that takes', async () => {
    const house = await halfway();
    await house.edit(house.id, RIGHT);
    await house.answer('takenInSilence');
    const [, , c, d] = house.addresses as [string, string, string, string];
    // Any other word would wait ten minutes at most.
    house.ctx.clock.advance(11 * 60_000);
    await house.expand();
    const waiting = () =>
      house.db.read(async (tx) =>
        (
          await queuedNow(tx, await readHolds(tx, house.ctx.now()), {
            lane: 'mail',
            priority: 0,
            now: house.ctx.now(),
            limit: 100,
          }).execute()
        ).map(({ address }) => address),
      );
    expect(await waiting()).toEqual(expect.arrayContaining(house.addresses.slice(0, 2)));
    expect(await waiting()).not.toContain(c);
    await house.drain();
    for (const to of [c, d])
      expect(house.heard(to).map(({ subject }) => subject)).toEqual([
        '[Investigating] Checkout is failing',
        '[Correction] Checkout is failing',
      ]);
  });

  it('is stopped and mended a second time: who got either wrong text gets one correction of it', async () => {
    const house = await halfway();
    const TOO = 'Card payments in Asia fail.';
    await stopSending(house.ctx, house.noticeId);
    await house.edit(house.id, TOO);
    await house.release();
    // The open call is taken, then one of the mended mails.
    await house.turn();
    await house.answer();
    await house.answer();
    await stopSending(house.ctx, house.noticeId);
    expect(await house.edit(house.id, RIGHT)).toEqual({ told: 6 });
    await house.release();
    await house.drain();
    for (const to of house.addresses) {
      const mails = house.heard(to);
      expect(mails.at(-1)).toSatisfy(says(RIGHT));
      // Each wrong text that came was put right, and the last word is the right one, once.
      expect(mails.filter(says(RIGHT))).toHaveLength(1);
      expect(new Set(mails.map(({ text }) => text)).size).toBe(mails.length);
      if (mails.length > 1) expect(mails.at(-1)?.subject).toContain('[Correction]');
    }
    expect(await listOutgoing(house.ctx, house.id)).toEqual([]);
    expect((await states(house.db)).queued).toBeUndefined();
  });

  it('edited without stopping, and without telling: the unsent get the right text all the same', async () => {
    const house = await halfway();
    await house.edit(house.id, RIGHT, { notify: false });
    await house.release();
    await house.drain();
    expect(house.wire.taken).toHaveLength(6);
    expect(house.wire.taken.filter(says(WRONG))).toHaveLength(4);
    expect(house.wire.taken.filter(says(RIGHT))).toHaveLength(2);
  });

  it('edited while it is stopped, and without telling: it stays stopped, and goes on with the right text', async () => {
    const house = await halfway();
    await stopSending(house.ctx, house.noticeId);
    await house.edit(house.id, RIGHT, { notify: false });
    await house.release();
    await house.drain();
    expect(house.wire.taken).toHaveLength(4);
    expect(await listOutgoing(house.ctx, house.id)).toMatchObject([{ state: 'stopped' }]);
    await goOn(house.ctx, house.noticeId);
    await house.drain();
    for (const to of house.addresses.slice(4)) {
      expect(house.heard(to)).toHaveLength(1);
      expect(house.heard(to)[0]).toSatisfy(says(RIGHT));
    }
  });

  it('whoever unsubscribes in between gets neither the right text nor a correction', async () => {
    const house = await halfway();
    await stopSending(house.ctx, house.noticeId);
    const [a, , , , , f] = house.addresses as string[];
    await house.edit(house.id, RIGHT);
    await house.db.write((tx) =>
      tx
        .updateTable('recipients')
        .set({ state: 'unsubscribed' })
        .where('address', 'in', [a as string, f as string])
        .execute(),
    );
    await house.release();
    await house.drain();
    expect(house.heard(a as string)).toHaveLength(1);
    expect(house.heard(f as string)).toEqual([]);
    expect(house.wire.taken).toHaveLength(4 + 3 + 1);
  });

  it('stops between two chunks: the rest is not expanded until it goes on', async () => {
    const house = await outgoingHouse(fresh, { people: 700 });
    const { id } = await house.declare();
    await house.say(id, { body: WRONG, notify: true });
    house.ctx.clock.advance(10_000);
    await expandNextChunk({ db: house.db, now: house.ctx.now });
    const { noticeId } = await house.newest(id);
    await stopSending(house.ctx, noticeId);
    await house.expand();
    expect(await states(house.db)).toEqual({ queued: 500 });
    await house.edit(id, RIGHT);
    await house.release();
    expect(await states(house.db)).toEqual({ queued: 700 });
  });

  it('a stop that comes while mails are being written wins: nothing of them is frozen', async () => {
    const house = await outgoingHouse(fresh);
    const { id } = await house.declare();
    await house.say(id, { body: WRONG, notify: true });
    await house.release();
    const { noticeId } = await house.newest(id);
    const build = house.rig.transport.build;
    house.rig.transport.build = async (mails, at) => {
      house.rig.transport.build = build;
      await stopSending(house.ctx, noticeId);
      return build(mails, at);
    };
    await house.drain();
    expect(house.wire.taken).toEqual([]);
    expect(await states(house.db)).toEqual({ queued: 6 });
  });

  it('a mend that comes while mails are being written wins: the wrong text is not frozen', async () => {
    const house = await outgoingHouse(fresh);
    const { id } = await house.declare();
    await house.say(id, { body: WRONG, notify: true });
    await house.release();
    const build = house.rig.transport.build;
    house.rig.transport.build = async (mails, at) => {
      house.rig.transport.build = build;
      await house.edit(id, RIGHT);
      await sendNow(house.ctx, (await house.newest(id)).noticeId);
      return build(mails, at);
    };
    await house.drain();
    expect(house.wire.taken).toHaveLength(6);
    expect(house.wire.taken.every(says(RIGHT))).toBe(true);
  });
});
