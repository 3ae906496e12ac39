import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import type { Severity } from '#domain/severity.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { sendDigests } from '#services/digests.ts';
import { goOn, listOutgoing, sendNow, stopSending } from '#services/fanoutControl.ts';
import { correctComponents, getIncident } from '#services/incidents.ts';
import { previewUpdate } from '#services/postUpdate.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeComponent, setReleaseSeconds } from '../support/factory.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { outgoingHouse } from './outgoingHouse.ts';

const WHO: readonly Mode[] = ['policy', 'everything', 'important', 'digest'];

/** A house with one person of each mode; `log` is the list of who was mailed what, and when. */
async function paceHouse(fresh: () => Promise<Db>, zone: string | null = null) {
  const house = await outgoingHouse(fresh, { people: 0, batchSize: 10 });
  await setReleaseSeconds(house.db, 0);
  for (const mode of WHO) await makeSubscribers(house.db, 1, [], { mode, zone });
  const log: string[] = [];
  let seen = 0;
  const who = (to: string) => WHO.find((_, index) => to === address(index + 1)) ?? to;
  /** Lets time pass to then, a minute at a time, as the clock and the dispatcher would. */
  const until = async (instant: string) => {
    const end = instant.length === 5 ? `2026-11-20T${instant}:00.000Z` : instant;
    for (;;) {
      await sendDigests(house.ctx);
      await house.drain();
      const fresh = house.wire.taken.slice(seen);
      seen = house.wire.taken.length;
      for (const [subject, mails] of Map.groupBy(fresh, (mail) => mail.subject))
        log.push(`${house.ctx.now().slice(11, 16)} ${mails.map(({ to }) => who(to)).join(', ')}: ${subject}`);
      if (house.ctx.now() >= end) return;
      const left = Date.parse(end) - Date.parse(house.ctx.now());
      // Over days, in larger steps.
      house.ctx.clock.advance(Math.min(left, instant.length === 5 ? 60_000 : 1_800_000));
    }
  };
  const open = async (severity: Severity) => {
    const { id } = await house.declare({ severity });
    await house.say(id, { body: 'It begins.', notify: true });
    return id;
  };
  return { ...house, log, until, open };
}

const T = 'Checkout is failing';

eachDatabase('who hears, how often', (fresh) => {
  it('SEV1: at once, then at most one in ten minutes, the end at once', async () => {
    const { until, open, say, log, ctx, house } = await paceHouse(fresh).then((one) => ({
      ...one,
      house: one,
    }));
    const id = await open('SEV1');
    await until('14:04');
    await say(id, { body: 'Still looking.', holding: true, notify: true });
    const [waiting] = (await listOutgoing(ctx, id)).filter(({ wait }) => wait);
    expect(waiting).toMatchObject({
      state: 'waiting',
      total: 1,
      releaseAt: '2026-11-20T14:10:00.000Z',
      wait: { for: 'interval', since: '2026-11-20T14:00:00.000Z' },
    });
    await until('14:06');
    await say(id, { body: 'Half of it works.', notify: true });
    await until('14:14');
    await say(id, { status: 'identified', body: 'We know why.', notify: true });
    await until('14:16');
    await say(id, { body: 'A mend is on its way.', notify: true });
    await until('14:18');
    await say(id, { status: 'resolved', body: 'It works.', reason: 'Checked.', notify: true });
    await until('14:40');
    expect(log).toEqual([
      `14:00 policy, everything, important: [Investigating] ${T}`,
      `14:04 everything: [Investigating] ${T}`,
      `14:06 everything: [Investigating] ${T}`,
      `14:10 policy: [Investigating] ${T}`,
      `14:14 policy, everything: [Identified] ${T}`,
      `14:16 everything: [Identified] ${T}`,
      `14:18 policy, everything, important: [Resolved] ${T}`,
    ]);
    // The one that came at 14:10 said both.
    expect(house.heard(address(1))[1]?.text).toMatch(
      /Half of it works[\s\S]*What you missed[\s\S]*Still looking/,
    );
  });

  it('two updates that wait for the same moment leave as one mail, however quick the way out is', async () => {
    const { until, open, say, ctx, db, rig, heard } = await paceHouse(fresh);
    const id = await open('SEV1');
    await until('14:04');
    await say(id, { body: 'Cards fail.', notify: true });
    await until('14:06');
    await say(id, { body: 'Wallets fail, too.', notify: true });
    await until('14:09');
    ctx.clock.advance(60_000);
    // What is made ready leaves before more is.
    while (await expandNextChunk({ db, now: ctx.now })) await rig.drain();
    const texts = heard(address(1)).map(({ text }) => text);
    expect(texts).toHaveLength(2);
    expect(texts[1]).toMatch(/Wallets fail, too[\s\S]*What you missed[\s\S]*Cards fail/);
  });

  it('a component that is corrected while the mail is stopped: let go on, it spares those who follow it alone', async () => {
    const { until, open, log, ctx, db, checkout, cart, get } = await paceHouse(fresh);
    await setReleaseSeconds(db, 10);
    await makeSubscribers(db, 1, [{ kind: 'component', id: checkout.id }], { mode: 'everything' });
    const id = await open('SEV1');
    const [mail] = await listOutgoing(ctx, id);
    await stopSending(ctx, mail?.noticeId ?? '');
    await until('14:05');
    await correctComponents(ctx, {
      incidentId: id,
      version: (await get(id)).version,
      components: [
        { id: checkout.id, status: 'operational' },
        { id: cart.id, status: 'major_outage' },
      ],
    });
    await goOn(ctx, mail?.noticeId ?? '');
    await until('14:06');
    expect(log).toEqual([`14:05 policy, everything, important: [Investigating] ${T}`]);
  });

  it('a component that is corrected: mail that waits spares those who follow it alone', async () => {
    const { until, open, say, log, ctx, db, checkout, cart, get, heard } = await paceHouse(fresh);
    const of = (id: string, mode: Mode) =>
      makeSubscribers(db, 1, [{ kind: 'component', id }], { mode }).then(([one]) => one as string);
    const [told, waits, digest] = [
      await of(checkout.id, 'everything'),
      await of(checkout.id, 'policy'),
      await of(checkout.id, 'digest'),
    ];
    const id = await open('SEV3');
    await until('14:10');
    const [mail] = (await listOutgoing(ctx, id)).filter(({ wait }) => wait);
    expect(mail?.total).toBe(2);
    await correctComponents(ctx, {
      incidentId: id,
      version: (await get(id)).version,
      components: [
        { id: checkout.id, status: 'operational' },
        { id: cart.id, status: 'degraded_performance' },
      ],
    });
    expect((await listOutgoing(ctx, id)).find(({ wait }) => wait)?.total).toBe(1);
    await until('14:40');
    expect(log).toEqual([
      `14:00 everything, important, ${told}: [Investigating] ${T}`,
      `14:10 ${told}: [Not affected] ${T}`,
      `14:30 policy: [Investigating] ${T}`,
    ]);
    // Who was told that it began and that it is not theirs is told how it ends, and that it does not; nobody else of them is.
    await say(id, { body: 'It is the cart.', notify: true });
    await until('14:50');
    await say(id, { status: 'resolved', body: 'It works.', notify: true });
    await until('15:00');
    await say(id, { status: 'investigating', body: 'It does not.', notify: true });
    await until('15:10');
    expect(log.slice(3)).toEqual([
      `14:40 everything: [Investigating] ${T}`,
      `14:50 policy, everything, important, ${told}: [Resolved] ${T}`,
      `15:00 policy, everything, important, ${told}: [Investigating again] ${T}`,
    ]);
    await until('2026-11-21T09:30:00.000Z');
    expect(log.at(-1)).toMatch(/^09:\d\d digest: /);
    expect([...heard(waits), ...heard(digest)]).toEqual([]);
  });

  it('a component that is corrected after the digest told of it: who was told hears how it ends', async () => {
    const { until, open, say, ctx, db, checkout, cart, get, heard } = await paceHouse(fresh);
    const of = (id: string) =>
      makeSubscribers(db, 1, [{ kind: 'component', id }], { mode: 'digest' }).then(([one]) => one as string);
    const [told, late] = [await of(checkout.id), await of(cart.id)];
    const id = await open('SEV3');
    await until('2026-11-21T10:00:00.000Z');
    expect(heard(told)).toHaveLength(1);
    await correctComponents(ctx, {
      incidentId: id,
      version: (await get(id)).version,
      components: [
        { id: checkout.id, status: 'operational' },
        { id: cart.id, status: 'degraded_performance' },
      ],
    });
    // Four days on, with nothing said in between.
    await until('2026-11-25T12:00:00.000Z');
    await say(id, { status: 'resolved', body: 'It was the cart, and it works.', notify: true });
    await until('2026-11-26T10:00:00.000Z');
    expect(heard(told).map(({ text }) => text.includes(`${T}: Resolved`))).toEqual([false, true]);
    expect(heard(late).at(-1)?.text).toContain(`${T}: Resolved`);
    await until('2026-11-27T10:00:00.000Z');
    expect(heard(told)).toHaveLength(2);
  });

  it('SEV3: its opening after half an hour, then at most one in two hours; the end for those told', async () => {
    const { until, open, say, log } = await paceHouse(fresh);
    const id = await open('SEV3');
    await until('14:10');
    await say(id, { status: 'identified', body: 'We know why.', notify: true });
    await until('14:40');
    await say(id, { status: 'monitoring', body: 'We watch it.', notify: true });
    await until('16:40');
    await say(id, { status: 'resolved', body: 'It works.', notify: true });
    await until('16:50');
    expect(log).toEqual([
      `14:00 everything, important: [Investigating] ${T}`,
      `14:10 everything: [Identified] ${T}`,
      `14:30 policy: [Identified] ${T}`,
      `14:40 everything: [Monitoring] ${T}`,
      `16:30 policy: [Monitoring] ${T}`,
      `16:40 policy, everything, important: [Resolved] ${T}`,
    ]);
  });

  it('raised inside: what waited by the milder severity leaves when the graver one would have had it leave', async () => {
    const { until, open, say, log, ctx } = await paceHouse(fresh);
    const raise = (id: string, severity: Severity) =>
      say(id, { audience: 'internal', severity, body: 'It is worse than we thought.' });
    // In the evening, when nobody works: the opening waits for half an hour all the same.
    await until('20:00');
    const id = await open('SEV3');
    await until('20:05');
    await raise(id, 'SEV1');
    expect((await listOutgoing(ctx, id)).filter(({ wait }) => wait)).toEqual([]);
    await until('20:31');
    const other = await open('SEV3');
    await until('21:02');
    await say(other, { status: 'identified', body: 'We know why.', notify: true });
    await until('21:10');
    await raise(other, 'SEV2');
    await until('21:30');
    // What is lowered inside puts nothing off.
    const third = await open('SEV1');
    await until('21:31');
    await say(third, { body: 'Still looking.', notify: true });
    await raise(third, 'SEV3');
    await until('22:00');
    expect(log).toEqual([
      `20:00 everything, important: [Investigating] ${T}`,
      `20:05 policy: [Investigating] ${T}`,
      `20:31 everything, important: [Investigating] ${T}`,
      `21:01 policy: [Investigating] ${T}`,
      `21:02 everything: [Identified] ${T}`,
      `21:16 policy: [Identified] ${T}`,
      `21:30 policy, everything, important: [Investigating] ${T}`,
      `21:31 everything: [Investigating] ${T}`,
      `21:40 policy: [Investigating] ${T}`,
    ]);
  });

  it('is counted before it is posted as it will be: at once, later, and in the mail of the day', async () => {
    const { open, until, ctx } = await paceHouse(fresh);
    const countOf = async (incidentId: string, status: 'investigating' | 'identified') => {
      const { version } = await getIncident(ctx, incidentId);
      const said = { audience: 'public', components: [], body: 'What we know.', notify: true } as const;
      const { told, waiting, inDigest } = await previewUpdate(ctx, { ...said, incidentId, version, status });
      return { told, waiting, inDigest };
    };
    const one = { people: 1, until: '2026-11-20T14:30:00.000Z' };
    const id = await open('SEV3');
    expect(await countOf(id, 'identified')).toEqual({ told: 2, waiting: [one], inDigest: 1 });
    await until('14:30');
    const next = { people: 1, until: '2026-11-20T16:30:00.000Z' };
    expect(await countOf(id, 'identified')).toEqual({ told: 2, waiting: [next], inDigest: 1 });
    const small = await open('SEV4');
    expect(await countOf(small, 'investigating')).toEqual({ told: 1, waiting: [], inDigest: 2 });
  });

  it('reads the next time in the zone that they asked for, beside the page’s', async () => {
    const { open, until, heard } = await paceHouse(fresh, 'America/New_York');
    await open('SEV1');
    await until('14:01');
    for (const person of [1, 2, 3])
      expect(heard(address(person))[0]?.text).toContain('Next update by 14:30 UTC (09:30 GMT-5)');
  });

  it('SEV3 that is over before its opening left: only those hear of it who heard that it began', async () => {
    const { until, open, say, log } = await paceHouse(fresh);
    const id = await open('SEV3');
    await until('14:10');
    await say(id, { status: 'resolved', body: 'It works.', notify: true });
    await until('15:30');
    expect(log).toEqual([
      `14:00 everything, important: [Investigating] ${T}`,
      `14:10 everything, important: [Resolved] ${T}`,
    ]);
  });

  it('SEV4: in the daily digest, one line once it is over; and none without news', async () => {
    const { until, open, say, log, house } = await paceHouse(fresh).then((one) => ({ ...one, house: one }));
    const id = await open('SEV4');
    await until('2026-11-21T09:30:00.000Z');
    await say(id, { status: 'resolved', body: 'It works.', notify: true });
    await until('2026-11-23T10:00:00.000Z');
    const [, first, , second] = log;
    expect(log).toHaveLength(4);
    expect(log[0]).toBe(`14:00 everything, important: [Investigating] ${T}`);
    expect(first).toMatch(/^09:\d\d policy, digest: Harbour status: one thing happened, and it goes on$/);
    expect(log[2]).toMatch(/everything, important: \[Resolved\]/);
    expect(second).toMatch(/^09:\d\d policy, digest: Harbour status: one thing happened, and it is over$/);
    const [one, two] = house.heard(address(4));
    expect(one?.text).toContain('It begins.');
    expect(one?.text).toContain('Unsubscribe');
    expect(two?.text).not.toContain('It works.');
  });

  it('raised to SEV1: told at once with what was said; lowered to SEV4: told that, and the end', async () => {
    const { until, open, say, log, house } = await paceHouse(fresh).then((one) => ({ ...one, house: one }));
    const id = await open('SEV3');
    await until('14:10');
    await say(id, { severity: 'SEV1', body: 'It is worse.', notify: true });
    await until('14:20');
    await say(id, { severity: 'SEV4', body: 'It only looks wrong.', notify: true });
    await until('14:30');
    await say(id, { body: 'It still does.', notify: true });
    await until('14:40');
    await say(id, { status: 'resolved', body: 'It works.', notify: true });
    await until('15:00');
    expect(log).toEqual([
      `14:00 everything, important: [Investigating] ${T}`,
      `14:10 policy, everything, important: [Investigating] ${T}`,
      `14:20 policy, everything, important: [Investigating] ${T}`,
      `14:30 everything: [Investigating] ${T}`,
      `14:40 policy, everything, important: [Resolved] ${T}`,
    ]);
    expect(house.heard(address(1))[0]?.text).toContain('It begins.');
    // What was said at 14:30 is nothing to tell to whoever has heard that it is over.
    await until('2026-11-22T10:00:00.000Z');
    expect(log.slice(5)).toEqual([
      expect.stringMatching(/^09:\d\d digest: Harbour status: one thing happened, and it is over$/),
    ]);
  });

  it('the end absorbs what the digest was to tell only for whoever gets it, and only what was said before it', async () => {
    const { until, open, say, log, ctx, db, heard } = await paceHouse(fresh);
    const lowered = async () => {
      const id = await open('SEV1');
      await until(new Date(Date.parse(ctx.now()) + 60_000).toISOString());
      await say(id, { severity: 'SEV4', body: 'It only looks wrong.', notify: true });
      await until(new Date(Date.parse(ctx.now()) + 60_000).toISOString());
      await say(id, { body: 'It still does.', notify: true });
      await until(new Date(Date.parse(ctx.now()) + 60_000).toISOString());
      await say(id, { status: 'resolved', body: 'It works.', notify: true });
      return id;
    };
    const stopped = await lowered();
    while (await expandNextChunk({ db, now: ctx.now }));
    const end = (await listOutgoing(ctx, stopped)).find(({ subject }) => subject.includes('Resolved'));
    await stopSending(ctx, end?.noticeId ?? '');
    await until('2026-11-21T10:00:00.000Z');
    expect(log.at(-1)).toMatch(/^09:\d\d policy, digest: .* it is over$/);
    const again = await lowered();
    await until('2026-11-21T11:00:00.000Z');
    const before = heard(address(1)).length;
    await say(again, { status: 'investigating', body: 'It does not.', notify: true });
    await until('2026-11-21T11:10:00.000Z');
    await say(again, { body: 'It still does not.', notify: true });
    await until('2026-11-22T10:00:00.000Z');
    const [reopened, digest] = heard(address(1)).slice(before);
    expect(reopened?.subject).toContain('Investigating again');
    expect(digest?.text).toContain('It still does not.');
    expect(digest?.text).not.toContain('It still does.');
    expect(log.at(-1)).toMatch(/^09:\d\d policy, digest: /);
  });

  it('sends early what is asked for and no more, and goes on with its wait after a stop', async () => {
    const { until, open, say, log, ctx } = await paceHouse(fresh);
    const id = await open('SEV1');
    await until('14:04');
    await say(id, { body: 'Still looking.', notify: true });
    const outgoing = await listOutgoing(ctx, id);
    const own = (paced: boolean) => outgoing.find(({ wait }) => Boolean(wait) === paced)?.noticeId as string;
    await sendNow(ctx, own(false));
    await stopSending(ctx, own(true));
    await until('14:05');
    await goOn(ctx, own(true));
    await until('14:06');
    expect(log.slice(1)).toEqual([`14:05 everything: [Investigating] ${T}`]);
    await sendNow(ctx, own(true));
    await until('14:07');
    expect(log.at(-1)).toBe(`14:06 policy: [Investigating] ${T}`);
  });

  it('two zones, each at its own nine o’clock, over the night in which the clocks change', async () => {
    const house = await outgoingHouse(fresh, { people: 0, batchSize: 10 });
    const [berlin] = await makeSubscribers(house.db, 1, [], { mode: 'digest', zone: 'Europe/Berlin' });
    const [tokyo] = await makeSubscribers(house.db, 1, [], { mode: 'digest', zone: 'Asia/Tokyo' });
    house.ctx.clock.set('2027-03-27T12:00:00.000Z');
    const { id } = await house.declare();
    await house.say(id, { body: 'It begins.', notify: true });
    const came = new Map<string, string>();
    for (let minutes = 0; minutes < 24 * 60; minutes += 30) {
      house.ctx.clock.advance(30 * 60_000);
      await sendDigests(house.ctx);
      await house.drain();
      for (const { to } of house.wire.taken) if (!came.has(to)) came.set(to, house.ctx.now());
    }
    expect(house.wire.taken).toHaveLength(2);
    // Summer time began at 01:00 UTC: 09:00 in Berlin is 07:00 UTC, not 08:00.
    expect(came.get(berlin as string)).toBe('2027-03-28T07:00:00.000Z');
    expect(came.get(tokyo as string)).toBe('2027-03-28T00:00:00.000Z');
    expect(house.heard(tokyo as string)[0]?.text).toContain('GMT+9');
  });

  it('a digest that is broken off in its middle is finished later: nobody is left out, nobody has two', async () => {
    const house = await outgoingHouse(fresh, { people: 0 });
    await makeSubscribers(house.db, 1_200, [], { mode: 'digest' });
    const { id } = await house.declare();
    await house.say(id, { body: 'It begins.', notify: true });
    house.ctx.clock.set('2026-11-21T09:00:00.000Z');
    let writes = 0;
    const write: Db['write'] = (work) => {
      if (++writes > 2) throw new Error('killed');
      return house.db.write(work);
    };
    await expect(sendDigests({ ...house.ctx, db: { ...house.db, write } })).rejects.toThrow('killed');
    const made = () =>
      house.db.read((tx) =>
        tx.selectFrom('deliveries').select('recipient_seq').orderBy('recipient_seq').execute(),
      );
    expect(await made()).toHaveLength(500);
    expect(await sendDigests(house.ctx)).toEqual({ promised: 700, more: false });
    expect(await sendDigests(house.ctx)).toEqual({ promised: 0, more: false });
    expect(new Set((await made()).map((row) => row.recipient_seq)).size).toBe(1_200);
    expect(await made()).toHaveLength(1_200);
  });

  it('digests of which hardly two are alike are written a few at a time, so that others have their turn', async () => {
    const house = await outgoingHouse(fresh, { people: 0 });
    const parts = Array.from({ length: 7 }, (_, nth) => `part${nth}`);
    for (const id of parts) await makeComponent(house.db, { id, name: id });
    // Everyone follows others of the seven, and each has an incident of its own.
    for (let who = 1; who < 2 ** parts.length; who++)
      await makeSubscribers(
        house.db,
        1,
        parts.filter((_, bit) => (who >> bit) & 1).map((id) => ({ kind: 'component' as const, id })),
        { mode: 'digest' },
      );
    for (const id of parts) {
      const components = [{ id, status: 'partial_outage' as const }];
      const incident = await house.declare({ components });
      await house.say(incident.id, { body: `It is ${id}.`, notify: true, components });
    }
    house.ctx.clock.set('2026-11-21T09:00:00.000Z');
    const texts = () =>
      house.db.read(
        async (tx) =>
          (
            await tx
              .selectFrom('digest_texts')
              .select((eb) => eb.fn.countAll().as('n'))
              .executeTakeFirstOrThrow()
          ).n,
      );
    const perWrite: number[] = [];
    const write: Db['write'] = async (work) => {
      const before = Number(await texts());
      const done = await house.db.write(work);
      perWrite.push(Number(await texts()) - before);
      return done;
    };
    const { promised } = await sendDigests({ ...house.ctx, db: { ...house.db, write } });
    expect(promised).toBe(127);
    expect(Number(await texts())).toBe(127);
    expect(Math.max(...perWrite)).toBe(25);
  });
});
