import { setImmediate as breathe } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { getProvider } from '#db/providers.ts';
import { BREAKER } from '#delivery/settle.ts';
import { addMs, MINUTE, msBetween } from '#domain/time.ts';
import {
  batches,
  expandAll,
  fakeTransport,
  postNotice,
  rendered,
  rigEngine,
  states,
} from '../delivery/support.ts';
import { incidentHouse } from '../services/incidentHouse.ts';
import { eachDatabase } from '../support/databases.ts';
import { type FakeResend, type Mishap, startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { chance, count, PATIENCE, SEED } from './size.ts';

/** The provider is away for ten minutes of an injected clock, in the middle of a fan-out, and a newer update is posted meanwhile. */
const OUTAGES = count('CHAOS_OUTAGES', { quick: 1, full: 25 });
const PEOPLE = 3_000;
const DOWN_MS = 10 * MINUTE;
/** As often as the dispatcher looks when nothing wakes it. */
const POLL_MS = 500;
/** As often as is looked where hours pass. */
const LOOK_MS = 10_000;
/** The longest wait, but for what a turn adds. */
const LONGEST_MS = 5 * MINUTE + POLL_MS;

const fakes: FakeResend[] = [];
afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake.close();
});

eachDatabase('a provider that is away for ten minutes', (fresh) => {
  it(
    `${OUTAGES} times: everyone is told once and in order; calls become few, one at a time, and all goes on with the first that is answered`,
    PATIENCE,
    async () => {
      for (let outage = 0; outage < OUTAGES; outage++) {
        const random = chance(outage);
        const house = await incidentHouse(fresh);
        const { db, ctx } = house;
        const { clock } = ctx;
        const people = await makeSubscribers(db, PEOPLE);
        const down = () => msBetween(clock.now(), end) > 0;
        let end = clock.now();
        let open = 0;
        const together: number[] = [];
        const fake = await startFakeResend({
          now: () => Date.parse(clock.now()),
          chance: () => (down() ? ruin(random) : null),
        });
        fakes.push(fake);
        const transport = fakeTransport(fake);
        const { engine, drain } = await rigEngine(
          db,
          {
            ...transport,
            async send(...call) {
              together.push(++open);
              return transport.send(...call).finally(() => open--);
            },
          },
          { clock, random },
        );
        /** The next time that the dispatcher looks: where it may not call before then, that is known. */
        const look = () => {
          const next = [engine.restsUntil(), addMs(clock.now(), POLL_MS)]
            .filter((at) => at !== null)
            .sort()
            .at(-1);
          clock.set(next as string);
        };
        const provider = () => db.read((tx) => getProvider(tx, 'resend'));

        const { id } = await house.declare();
        await house.say(id, { body: 'FIRST-WORD', notify: true });
        await expandAll(db, ctx.now);
        // Some have it when the provider goes away.
        while (fake.taken < 200) {
          await engine.round();
          await breathe();
        }
        const begun = clock.now();
        end = addMs(begun, DOWN_MS);
        let opened: string | null = null;
        let said = false;
        let probes = 0;
        while (down()) {
          const before = fake.calls.length;
          const { failures } = await provider();
          await drain();
          if (failures >= BREAKER) {
            const made = fake.calls.slice(before);
            probes += made.length;
            expect(made.length, 'one call at a time feels the way').toBeLessThanOrEqual(1);
          }
          const { blockedUntil } = await provider();
          if (!opened && (await provider()).failures >= BREAKER) {
            opened = clock.now();
            expect(msBetween(opened, blockedUntil as string)).toBeGreaterThanOrEqual(1_000);
          }
          if (!said && msBetween(begun, clock.now()) > DOWN_MS / 2) {
            await house.say(id, { status: 'identified', body: 'SECOND-WORD', notify: true });
            await expandAll(db, ctx.now);
            said = true;
          }
          look();
        }
        const away = fake.calls.filter(({ at }) => at >= Date.parse(begun));
        const gaps = away.slice(1).map(({ at }, index) => at - (away[index]?.at ?? 0));
        expect(opened).not.toBeNull();
        expect(probes).toBeGreaterThan(0);
        // Neither a storm nor a silence: after the first minute seldom, and never for longer than five minutes.
        expect(away.filter(({ at }) => at - Date.parse(begun) > MINUTE).length).toBeLessThanOrEqual(30);
        expect(Math.max(...gaps)).toBeLessThanOrEqual(LONGEST_MS);

        // Back: the first call that is answered opens the way for all.
        together.length = 0;
        const calls = fake.calls.length;
        while (fake.calls.length === calls) {
          await drain();
          look();
        }
        const waited = msBetween(end, clock.now());
        expect(waited).toBeLessThanOrEqual(LONGEST_MS);
        expect(together[0]).toBe(1);
        expect(await provider()).toMatchObject({ failures: 0, circuit: 'closed' });
        while ((await states(db)).in_batch || (await states(db)).queued) {
          await drain();
          look();
          // A batch of its own waits no longer than any.
          expect(msBetween(end, clock.now())).toBeLessThanOrEqual(2 * LONGEST_MS);
        }

        expect(Object.keys(await states(db)).sort()).toEqual(['accepted', 'superseded']);
        let coalesced = 0;
        const heardBy = Map.groupBy(fake.mails, ({ to }) => to);
        for (const person of people) {
          const heard = (heardBy.get(person) ?? []).map(({ text }) => words(text));
          // Both in one, or the older before the newer, which repeats it.
          if (heard.length === 1) coalesced++;
          expect(heard, person).toEqual(
            ['FIRST-WORD', 'SECOND-WORD FIRST-WORD'].slice(heard.length === 1 ? 1 : 0),
          );
        }
        const bytes = new Map(fake.calls.map(({ key, hash }) => [key, hash]));
        expect(fake.calls.every(({ key, hash }) => bytes.get(key) === hash)).toBe(true);
        console.log(
          `chaos: seed ${SEED}, outage ${outage + 1} of 10 min: ${away.length} calls (${probes} of them one at a time), ` +
            `the breaker after ${msBetween(begun, opened as unknown as string) / 1000} s, longest wait ${Math.max(...gaps) / 1000} s, ` +
            `going again ${waited / 1000} s after it was back; ${coalesced} of ${PEOPLE} got both updates in one mail, none the newer first; lost 0, doubled 0`,
        );
      }
    },
  );
});

eachDatabase('a word that was handed over and has had no answer for half an hour', (fresh) => {
  /** The provider gave no answer to the first word for so long; then it is back, and answers all but one batch. */
  async function backAfterHalfAnHour() {
    const house = await incidentHouse(fresh);
    const { db, ctx } = house;
    const people = await makeSubscribers(db, 1_000);
    const fake = await startFakeResend({ now: () => Date.parse(ctx.clock.now()) });
    fakes.push(fake);
    const transport = { ...fakeTransport(fake), paced: false, concurrency: 3 };
    let away = true;
    let deafTo: string | null = null;
    const { engine, drain } = await rigEngine(
      db,
      {
        ...transport,
        send: async (batch, call) =>
          away || batch.key === deafTo
            ? { kind: 'unknown', afterMs: null, reason: 'No answer.', unreachable: true }
            : transport.send(batch, call),
      },
      { clock: ctx.clock },
    );
    const failures = async () => (await db.read((tx) => getProvider(tx, 'resend'))).failures;
    const look = async () => {
      ctx.clock.set([engine.restsUntil() ?? '', addMs(ctx.now(), LOOK_MS)].sort().at(-1) as string);
      await drain();
    };

    const { id } = await house.declare();
    await house.say(id, { body: 'FIRST-WORD', notify: true });
    await expandAll(db, ctx.now);
    const begun = ctx.now();
    await drain();
    while ((await failures()) < BREAKER) await look();
    const frozen = await batches(db);
    expect(frozen.length).toBeGreaterThan(1);
    while (msBetween(begun, ctx.now()) < 30 * MINUTE) await look();
    await house.say(id, { status: 'identified', body: 'SECOND-WORD', notify: true });
    await expandAll(db, ctx.now);

    const unheard = await batches(db);
    deafTo = (unheard.at(-1) as (typeof unheard)[number]).idempotency_key;
    const waiting = await db.read((tx) =>
      tx
        .selectFrom('deliveries')
        .innerJoin('recipients', 'recipients.seq', 'recipient_seq')
        .where('batch_seq', '=', (unheard.at(-1) as (typeof unheard)[number]).seq)
        .select('address')
        .execute(),
    );
    away = false;
    while (await failures()) await look();
    return {
      db,
      ctx,
      fake,
      people,
      look,
      frozen,
      unheard,
      waiting: waiting.map(({ address }) => address),
      answerAll: () => {
        deafTo = null;
      },
      heard: (person: string) => fake.mails.filter(({ to }) => to === person).map(({ text }) => words(text)),
    };
  }

  it('comes before later ones, for while nobody is answered no time passes; and nobody new was put in a batch', async () => {
    const { db, ctx, people, look, frozen, unheard, waiting, answerAll, heard } = await backAfterHalfAnHour();
    expect(unheard.map(({ seq }) => seq)).toEqual(frozen.map(({ seq }) => seq));
    const back = ctx.now();
    while (msBetween(back, ctx.now()) < 5 * MINUTE) await look();
    for (const person of waiting) expect(heard(person)).toEqual([]);
    answerAll();
    while ((await states(db)).in_batch || (await states(db)).queued) await look();
    const twice = people.filter((person) => heard(person).length === 2);
    expect(twice).toEqual(expect.arrayContaining(waiting));
    expect(twice).toHaveLength(frozen.reduce((sum, { size }) => sum + size, 0));
    for (const person of people)
      expect(heard(person)).toEqual(
        twice.includes(person) ? ['FIRST-WORD', 'SECOND-WORD FIRST-WORD'] : ['SECOND-WORD FIRST-WORD'],
      );
  });

  it('holds up later ones for ten minutes of a provider that answers others, and no longer', async () => {
    const { db, ctx, look, waiting, heard } = await backAfterHalfAnHour();
    const back = ctx.now();
    const [person] = waiting as [string];
    for (let minute = 1; !heard(person).includes('SECOND-WORD FIRST-WORD'); minute++) {
      await postNotice(db, ctx.now(), { mail: rendered('Of something else') });
      await expandAll(db, ctx.now);
      while (msBetween(back, ctx.now()) < minute * MINUTE) await look();
    }
    expect(heard(person)).not.toContain('FIRST-WORD');
    expect(msBetween(back, ctx.now())).toBeGreaterThan(9 * MINUTE);
    expect(msBetween(back, ctx.now())).toBeLessThan(15 * MINUTE);
  });

  it('holds them up longer where nobody else asks, for then it is not known whose fault it is; but not for hours', async () => {
    const { ctx, look, waiting, heard } = await backAfterHalfAnHour();
    const back = ctx.now();
    const [person] = waiting as [string];
    while (!heard(person).length) await look();
    expect(heard(person)).toEqual(['SECOND-WORD FIRST-WORD']);
    expect(msBetween(back, ctx.now())).toBeGreaterThan(20 * MINUTE);
    expect(msBetween(back, ctx.now())).toBeLessThan(90 * MINUTE);
  });
});

/** Which of the two texts a mail carries, the newest first. */
function words(text: string): string {
  return ['SECOND-WORD', 'FIRST-WORD'].filter((word) => text.includes(word)).join(' ');
}

function ruin(random: () => number): Mishap {
  const dice = random();
  if (dice < 0.6) return { kind: 'drop' };
  if (dice < 0.75) return { kind: 'takeAndDrop' };
  return { kind: 'answer', status: 503, body: '<html>Service Unavailable</html>' };
}
