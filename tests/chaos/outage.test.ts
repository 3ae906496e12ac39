import { setImmediate as breathe } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { getProvider } from '#db/providers.ts';
import { BREAKER } from '#delivery/settle.ts';
import { addMs, MINUTE, msBetween } from '#domain/time.ts';
import { expandAll, fakeTransport, rigEngine, states } from '../delivery/support.ts';
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
        let overtaken = 0;
        const begunAt = (key: string) => fake.calls.find((call) => call.key === key)?.at ?? 0;
        const heardBy = Map.groupBy(fake.mails, ({ to }) => to);
        for (const person of people) {
          const mails = heardBy.get(person) ?? [];
          const heard = mails.map(({ text }) => words(text));
          // Both in one, or one after the other; the newer repeats the older.
          expect(heard.toSorted(), person).toEqual(
            ['FIRST-WORD', 'SECOND-WORD FIRST-WORD'].slice(heard.length === 1 ? 1 : 0),
          );
          if (heard.length === 1) coalesced++;
          else if (heard[0] !== 'FIRST-WORD') {
            // A call without an answer holds up later words for ten minutes, and no longer.
            overtaken++;
            const [newer, older] = mails.map(({ key }) => begunAt(key)) as [number, number];
            expect(newer - older).toBeGreaterThanOrEqual(10 * MINUTE);
          }
        }
        const bytes = new Map(fake.calls.map(({ key, hash }) => [key, hash]));
        expect(fake.calls.every(({ key, hash }) => bytes.get(key) === hash)).toBe(true);
        console.log(
          `chaos: seed ${SEED}, outage ${outage + 1} of 10 min: ${away.length} calls (${probes} of them one at a time), ` +
            `the breaker after ${msBetween(begun, opened as unknown as string) / 1000} s, longest wait ${Math.max(...gaps) / 1000} s, ` +
            `going again ${waited / 1000} s after it was back; ${coalesced} of ${PEOPLE} got both updates in one mail, ${overtaken} the newer first; lost 0, doubled 0`,
        );
      }
    },
  );
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
