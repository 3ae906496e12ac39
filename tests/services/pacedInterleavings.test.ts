import { expect, it } from 'vitest';
import { closeCircuit } from '#db/providers.ts';
import { MAY_HAVE_IT } from '#db/unfinished.ts';
import type { Severity } from '#domain/severity.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { sendDigests } from '#services/digests.ts';
import { dropRest } from '#services/dropRest.ts';
import { goOn, listOutgoing, sendNow, stopSending } from '#services/fanoutControl.ts';
import { count } from '../chaos/size.ts';
import { states } from '../delivery/support.ts';
import { chanceOf } from '../support/chance.ts';
import { eachDatabase } from '../support/databases.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { outgoingHouse, type Sent } from './outgoingHouse.ts';

/** Those of the full run that once found something. */
const TELLING = [34, 79, 96];
const UP_TO = count('PACED_SEEDS', { quick: 10, full: 96 });
const SEEDS = [
  ...Array.from({ length: UP_TO }, (_, index) => index + 1),
  ...TELLING.filter((one) => one > UP_TO),
];
const MODES: readonly Mode[] = ['policy', 'everything', 'important', 'digest'];
const OF_EACH = 2;
const SEVERITIES: readonly Severity[] = ['SEV1', 'SEV3', 'SEV4'];
/** More than a digest shows of one incident would only be cut. */
const MOST_SAID = 4;

/** The deliveries that were beyond recall at a moment, each in its batch: one that is refused whole comes back, and leaves in another. */
type Frozen = Set<string>;

/** An update and what became of it. */
type Said = {
  index: number;
  important: boolean;
  /** How often its words were changed, each time with word to those who had them; and what was beyond recall then. */
  mends: { frozen: Frozen }[];
  stops: { from: Frozen; to: Frozen | null }[];
  dropped: { frozen: Frozen; mendsBefore: number } | null;
  /** Something newer was there while it was stopped: that took its place and left it out. */
  leftOut: boolean;
  /** Nobody let it go on. */
  stopped: boolean;
};

const wordsOf = (said: Pick<Said, 'index'>, version: number) => `Words ${said.index} as of ${version}.`;

const isDigest = ({ subject }: Sent) => subject.startsWith('Harbour status:');

/** What a mail says in full, not what it quotes as earlier. */
const inFull = (mail: Sent) => mail.text.split('\nEarlier\n')[0] as string;

/** Which versions of an update a person's mails say in full, in order. */
function versions(mails: readonly Sent[], said: Said): number[] {
  return mails.flatMap((mail) =>
    Array.from({ length: said.mends.length + 1 }, (_, version) => version).filter((version) =>
      inFull(mail).includes(wordsOf(said, version)),
    ),
  );
}

/**
 * Posts, stops, mends, drops and lets go on at moments that the seed decides, while calls are taken, refused or left without an answer and
 * the clock moves on, over the hour of the digests too; then lets everything leave, and ends it.
 */
async function live(seed: number, fresh: Parameters<typeof outgoingHouse>[0]) {
  const chance = chanceOf(seed);
  const below = (count: number) => Math.floor(chance() * count);
  const pick = <T>(choices: readonly T[]) => choices[below(choices.length)] as T;
  const house = await outgoingHouse(fresh, { people: 0, batchSize: 2, concurrency: 2 });
  const { ctx, wire, db } = house;
  for (const mode of MODES) await makeSubscribers(db, OF_EACH, [], { mode });
  wire.takes = false;
  // Every other seed keeps the severity that it begins with.
  let severity = SEVERITIES[seed % SEVERITIES.length] as Severity;
  const shifts = seed % 2 === 0;
  const { id } = await house.declare({ severity });
  const all: Said[] = [];
  const journal: string[] = [];
  const note = (words: string) => journal.push(`${ctx.now().slice(8, 19)} ${words}`);

  const frozen = async (): Promise<Frozen> => {
    const rows = await db.read((tx) =>
      tx.selectFrom('deliveries').select(['seq', 'batch_seq']).where('state', 'in', MAY_HAVE_IT).execute(),
    );
    return new Set(rows.map((row) => `${row.seq} in ${row.batch_seq}`));
  };
  const isStopped = (said: Said) => said.stops.some(({ to }) => to === null);
  const endStops = async (said: Said) => {
    const now = await frozen();
    for (const stop of said.stops) stop.to ??= now;
  };
  const saidOf = async (updateId: string) => {
    const { updates } = await house.get(id);
    const at = updates.findIndex((update) => update.id === updateId);
    return all[updates.length - 1 - at] as Said;
  };

  const say = async (last = false) => {
    if (!last && all.length === MOST_SAID) return;
    for (const one of all) if (isStopped(one)) one.leftOut = true;
    const next = shifts && !last && all.length && chance() < 0.4 ? pick(SEVERITIES) : severity;
    const said: Said = {
      index: all.length,
      important: all.length === 0 || next !== severity || last,
      mends: [],
      stops: [],
      dropped: null,
      leftOut: false,
      stopped: false,
    };
    severity = next;
    const status = last ? 'resolved' : chance() < 0.3 && all.length ? 'identified' : 'investigating';
    note(`say ${said.index} ${severity} ${status}`);
    await house.say(id, {
      body: wordsOf(said, 0),
      severity,
      status,
      ...(last && { reason: 'Checked.' }),
      notify: true,
    });
    all.push(said);
  };
  const steer = async (verb: 'stop' | 'go on' | 'send now' | 'drop') => {
    const outgoing = (await listOutgoing(ctx, id)).filter(
      ({ state }) => (state === 'stopped') === (verb === 'drop' || verb === 'go on'),
    );
    if (!outgoing.length) return;
    const one = pick(outgoing);
    const said = await saidOf(one.updateId);
    note(`${verb} ${said.index}${one.wait ? ' (which waits)' : ''}`);
    if (verb === 'send now') return sendNow(ctx, one.noticeId);
    if (verb === 'stop') {
      await stopSending(ctx, one.noticeId);
      said.stops.push({ from: await frozen(), to: null });
      if (said !== all.at(-1)) said.leftOut = true;
      return;
    }
    if (verb === 'go on') await goOn(ctx, one.noticeId);
    else {
      await dropRest(ctx, one.noticeId);
      said.dropped ??= { frozen: await frozen(), mendsBefore: said.mends.length };
    }
    await endStops(said);
  };
  const mend = async () => {
    const said = pick(all);
    if (!said || said.mends.length === 2) return;
    note(`mend ${said.index}`);
    await endStops(said);
    said.mends.push({ frozen: await frozen() });
    await house.edit(id, wordsOf(said, said.mends.length), { index: all.length - 1 - said.index });
  };
  const answer = async () => {
    if (!wire.open.length) return;
    const kind = pick([
      'accepted',
      'accepted',
      'accepted',
      'takenInSilence',
      'unknown',
      'configuration',
    ] as const);
    note(kind);
    await house.answer(kind);
    await db.write((tx) => closeCircuit(tx, 'file', ctx.now()));
  };
  const wait = async (ms: number) => {
    ctx.clock.advance(ms);
    note('wait');
    await sendDigests(ctx);
  };
  const passDigest = async () => {
    // What had no answer is asked for again before its key is too old.
    for (let turn = 0; turn < 2; turn += 1) {
      await house.drain();
      ctx.clock.advance(60_000);
    }
    wire.takes = false;
    const nine = new Date(`${ctx.now().slice(0, 10)}T09:00:00.000Z`).getTime();
    const now = Date.parse(ctx.now());
    await wait((nine > now ? nine : nine + 86_400_000) - now + 1_000);
    note('digests');
  };
  const steps: (() => Promise<unknown>)[] = [
    ...[
      say,
      say,
      say,
      mend,
      mend,
      house.expand,
      house.expand,
      house.turn,
      house.turn,
      answer,
      answer,
      answer,
    ],
    ...[() => wait(below(12_000)), () => wait(below(12_000)), () => wait(below(2_400_000)), passDigest],
    ...(['stop', 'stop', 'go on', 'send now', 'drop'] as const).map((verb) => () => steer(verb)),
  ].map((step) => () => step());
  await say();
  for (let step = 0; step < 70; step += 1) await pick(steps)();

  for (let tries = 0; tries < 20; tries += 1) await steer(chance() < 0.5 ? 'go on' : 'drop');
  for (const one of all) if (isStopped(one)) one.stopped = true;
  const settle = async (days: number) => {
    for (let turn = 0; turn < days * 12; turn += 1) {
      await wait(7_200_000);
      await house.drain();
    }
  };
  // What is over stands in a digest as one line: every third seed ends it before the digest that would have told of it.
  const longOpen = seed % 3 !== 0;
  if (longOpen) await settle(2);
  await say(true);
  await settle(2);
  const batches = new Map([...(await frozen())].map((one) => [Number.parseInt(one, 10), one]));
  /** How a mail that was sent would stand among what was beyond recall. */
  const inItsBatch = (mail: Sent) => batches.get(mail.deliverySeq) ?? '';
  return { ...house, id, all, journal, shifts, longOpen, severity, inItsBatch };
}

eachDatabase('whoever chose to hear how often, whatever comes between', (fresh) => {
  it.each(SEEDS)(
    'hears once what is right, and of what was wrong or dropped no more than had left: %i',
    async (seed) => {
      const house = await live(seed, fresh);
      const { all, longOpen, inItsBatch } = house;
      expect(await listOutgoing(house.ctx, house.id)).toEqual([]);
      const left = await states(house.db);
      expect([left.queued, left.in_batch]).toEqual([undefined, undefined]);
      const last = all.at(-1) as Said;
      for (let number = 1; number <= MODES.length * OF_EACH; number += 1) {
        const mode = MODES[Math.floor((number - 1) / OF_EACH)] as Mode;
        const mails = house.heard(address(number));
        const story = [
          `seed ${seed}, ${address(number)}, ${mode}`,
          ...house.journal,
          '---',
          ...mails.map(
            (mail) =>
              `${mail.deliverySeq} ${mail.subject}: ${all.flatMap((said) => versions([mail], said).map((version) => `${said.index}.${version}`)).join(' ')}`,
          ),
        ].join('\n');
        for (const said of all) {
          const label = `update ${said.index}\n${story}`;
          const heard = versions(mails, said);
          // Each text once, and what comes after a wrong one is its correction.
          expect(heard, label).toEqual([...new Set(heard)].sort((a, b) => a - b));
          const uncorrected = said.dropped !== null && said.dropped.mendsBefore > 0;
          const shown = longOpen || mode === 'everything' || mode === 'important';
          if (heard.length && !uncorrected && shown) expect(heard.at(-1), label).toBe(said.mends.length);
          // No trace of what was wrong, but where it was beyond recall.
          for (const [version, { frozen }] of said.mends.entries())
            for (const mail of mails)
              if (`${mail.text}${mail.html}`.includes(wordsOf(said, version)))
                expect(frozen.has(inItsBatch(mail)), `${version} in ${mail.deliverySeq} of ${label}`).toBe(
                  true,
                );
          // While it is stopped nothing of it leaves.
          for (const { from, to } of said.stops)
            for (const mail of mails)
              if (versions([mail], said).length && to?.has(inItsBatch(mail)))
                expect(from.has(inItsBatch(mail)), `stopped, ${mail.deliverySeq} of ${label}`).toBe(true);
          if (said.dropped) {
            const { frozen } = said.dropped;
            const had = mails.some(
              (mail) => frozen.has(inItsBatch(mail)) && versions([mail], said).length > 0,
            );
            if (!had) expect(heard, `dropped, ${label}`).toEqual([]);
          }
          const wanted =
            mode === 'everything' ||
            (mode === 'important' && said.important) ||
            (mode === 'digest' && longOpen && said !== last);
          if (wanted && !said.dropped && !said.stopped && !(said.leftOut && mode !== 'digest'))
            expect(heard.length, `unheard, ${label}`).toBeGreaterThan(0);
        }
        if (mails.length)
          expect(
            mails.some(
              (mail) =>
                versions([mail], last).length > 0 || (isDigest(mail) && /: Resolved,/.test(mail.text)),
            ),
            `not told of the end: ${story}`,
          ).toBe(true);
      }
    },
  );
});
