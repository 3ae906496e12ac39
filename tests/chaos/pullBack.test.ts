import { expect, it } from 'vitest';
import { closeCircuit } from '#db/providers.ts';
import { AppError } from '#domain/errors.ts';
import { installationMark } from '#domain/receipts.ts';
import { goOn, sendNow, stopSending } from '#services/fanoutControl.ts';
import { applyReceipts, receiveEvent } from '#services/receipts.ts';
import { outgoingHouse, type Sent } from '../services/outgoingHouse.ts';
import { eachDatabase } from '../support/databases.ts';
import { isWorkLeft } from './people.ts';
import { chance, count, PATIENCE, SEED } from './size.ts';

/**
 * Stopped, edited and let go on at random moments, with calls that are answered late, never, or with a refusal: each person gets the
 * right text, or the wrong one and then exactly one correction of it. Then the same while receipts come in, in any order and repeated.
 */
const ROUNDS = count('CHAOS_ROUNDS', { quick: 25, full: 400 });
const PEOPLE = 11;

type House = Awaited<ReturnType<typeof outgoingHouse>>;
type Version = { words: string; told: boolean };

eachDatabase('stopped and pulled back at random moments, with random edits', (fresh) => {
  it(
    `${ROUNDS} times: each person gets the right text, or the wrong one and one correction`,
    PATIENCE,
    async () => {
      const random = chance();
      const house = await outgoingHouse(fresh, { people: PEOPLE, batchSize: 2, concurrency: 2 });
      const figures = { edits: 0, corrections: 0, mails: 0 };
      for (let round = 1; round <= ROUNDS; round++) {
        const { versions, mails } = await play(house, { random, round, between: async () => undefined });
        for (const person of house.addresses) {
          const heard = mails.filter(({ to }) => to === person);
          expectStory(heard, versions, `seed ${SEED}, round ${round}, ${person}`);
          expect(versionOf(heard.at(-1), versions)).toBeGreaterThanOrEqual(lastTold(versions));
          figures.corrections += heard.length - 1;
        }
        figures.edits += versions.length - 1;
        figures.mails += mails.length;
      }
      console.log(
        `chaos: seed ${SEED}, ${ROUNDS} pull-backs, ${JSON.stringify(figures)}: wrong 0, corrected twice 0`,
      );
    },
  );

  it(
    `${ROUNDS} times while receipts come in out of order: the same, and each delivery ends as its receipts say`,
    PATIENCE,
    async () => {
      const random = chance(1);
      const house = await outgoingHouse(fresh, { people: PEOPLE, batchSize: 2, concurrency: 2 });
      for (let round = 1; round <= ROUNDS; round++) {
        await house.db.write(async (tx) => {
          await tx.deleteFrom('suppressions').execute();
          await tx.deleteFrom('soft_bounces').execute();
          await tx.updateTable('recipients').set({ state: 'confirmed' }).execute();
        });
        const post = postman(house, random);
        const { versions, mails } = await play(house, { random, round, between: post.bringSome });
        await post.bringAll();
        const states = await statesOf(house, mails);
        for (const person of house.addresses) {
          const heard = mails.filter(({ to }) => to === person);
          const label = `seed ${SEED}, round ${round}, ${person}`;
          expectStory(heard, versions, label);
          for (const mail of heard) expect(states.get(mail.deliverySeq), label).toBe(post.fateOf(mail).state);
          // Whoever cannot or will not be mailed gets no correction; whom the wrong mail never reached needs none.
          if (heard.some((mail) => post.fateOf(mail).silences)) continue;
          if (heard.some((mail) => post.fateOf(mail).state !== 'bounced'))
            expect(versionOf(heard.at(-1), versions), label).toBeGreaterThanOrEqual(lastTold(versions));
        }
      }
    },
  );
});

/** One incident: an update is posted, and anything may happen to it until all of it has left. */
async function play(
  house: House,
  { random, round, between }: { random: () => number; round: number; between: () => Promise<void> },
): Promise<{ versions: Version[]; mails: Sent[] }> {
  const { ctx, db, wire } = house;
  const from = wire.taken.length;
  const versions: Version[] = [{ words: `words-${round}-0.`, told: true }];
  const { id } = await house.declare();
  await house.say(id, { body: versions[0]!.words, notify: true });
  const { noticeId } = await house.newest(id);
  const pick = <T>(...choices: readonly T[]) => choices[Math.floor(random() * choices.length)] as T;

  const deeds = {
    async time() {
      ctx.clock.advance(random() * 12_000);
      await house.expand();
    },
    async turn() {
      wire.takes = false;
      await house.turn();
    },
    async answer() {
      if (!wire.open.length) return;
      await house.answer(
        pick('accepted', 'accepted', 'accepted', 'unknown', 'takenInSilence', 'configuration'),
      );
      await db.write((tx) => closeCircuit(tx, 'file', ctx.now()));
    },
    stop: () => unlessGone(stopSending(ctx, noticeId)),
    goOn: () => unlessGone(goOn(ctx, noticeId)),
    sendNow: () => unlessGone(sendNow(ctx, noticeId)),
    async edit() {
      const words = `words-${round}-${versions.length}.`;
      const told = random() < 0.8;
      await house.edit(id, words, { notify: told, wrong: pick(null, 'Only some are affected') });
      versions.push({ words, told });
    },
  };
  const steps = 6 + Math.floor(random() * 25);
  for (let step = 0; step < steps; step++) {
    const deed = pick(
      'time',
      'time',
      'turn',
      'turn',
      'answer',
      'answer',
      'answer',
      'stop',
      'goOn',
      'sendNow',
      'edit',
    );
    // More than a few edits of one text only make the rounds longer.
    if (deed !== 'edit' || versions.length < 5) await deeds[deed]();
    await between();
  }
  await deeds.goOn();
  do {
    ctx.clock.advance(15_000);
    await house.drain();
    await between();
  } while (await isWorkLeft(db));
  return { versions, mails: wire.taken.slice(from) };
}

async function unlessGone(deed: Promise<void>): Promise<void> {
  await deed.catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
  });
}

/** The mails of one person: the update once, and what follows are corrections, each of newer words than the one before. */
function expectStory(heard: readonly Sent[], versions: readonly Version[], label: string): void {
  expect(heard.length, label).toBeGreaterThan(0);
  const said = heard.map((mail) => versionOf(mail, versions));
  expect(said, label).toEqual([...new Set(said)].sort((a, b) => a - b));
  expect(
    heard.map(({ subject }) => subject.startsWith('[Correction]')),
    label,
  ).toEqual(heard.map((_, index) => index > 0));
}

/** Which of the texts a mail carries: exactly one. */
function versionOf(mail: Sent | undefined, versions: readonly Version[]): number {
  const carried = versions.flatMap(({ words }, index) => (mail?.text.includes(words) ? [index] : []));
  expect(carried).toHaveLength(1);
  return carried[0] as number;
}

/** The newest text that those who had an older one were to be told of. */
function lastTold(versions: readonly Version[]): number {
  return versions.findLastIndex(({ told }) => told);
}

type Fate = { state: 'delivered' | 'bounced' | 'complained'; silences: boolean };
type Kind = 'sent' | 'delayed' | 'delivered' | 'bounced' | 'complained';

/** Decides what becomes of each mail, and brings the provider's word of it in any order, some of it twice. */
function postman({ ctx, wire }: House, random: () => number) {
  const fates = new Map<number, Fate>();
  const bag: { mail: Sent; kind: Kind; permanent: boolean; id: string }[] = [];
  const mark = installationMark(ctx.sign, ctx.site.url);
  let seen = wire.taken.length;

  function fateOf(mail: Sent): Fate {
    return fates.get(mail.deliverySeq) as Fate;
  }

  function collect(): void {
    for (const mail of wire.taken.slice(seen)) {
      const dice = random();
      const permanent = dice < 0.05;
      const kinds: Kind[] = dice < 0.15 ? ['sent', 'delayed', 'bounced'] : ['sent', 'delayed', 'delivered'];
      if (dice > 0.95) kinds.push('complained');
      const state = dice < 0.15 ? 'bounced' : dice > 0.95 ? 'complained' : 'delivered';
      fates.set(mail.deliverySeq, { state, silences: permanent || state === 'complained' });
      for (const kind of kinds) bag.push({ mail, kind, permanent, id: `${mail.deliverySeq}/${kind}` });
    }
    seen = wire.taken.length;
  }

  async function bring(index: number, again: boolean): Promise<void> {
    const { mail, kind, permanent, id } = bag[index]!;
    if (!again) bag.splice(index, 1);
    await receiveEvent(ctx, {
      provider: 'resend',
      eventId: id,
      type: `email.${kind}`,
      occurredAt: ctx.now(),
      body: '{}',
      receipt: {
        kind,
        installation: mark,
        deliverySeq: mail.deliverySeq,
        providerId: `m${mail.deliverySeq}`,
        addresses: [mail.to],
        permanent,
        cause: null,
        reason: null,
      },
    });
  }

  return {
    fateOf,
    async bringSome() {
      collect();
      for (let left = Math.floor(random() * 4); left > 0 && bag.length; left--)
        await bring(Math.floor(random() * bag.length), random() < 0.2);
      if (random() < 0.5) await applyReceipts(ctx);
    },
    async bringAll() {
      collect();
      while (bag.length) await bring(Math.floor(random() * bag.length), false);
      await applyReceipts(ctx);
    },
  };
}

async function statesOf({ db }: House, mails: readonly Sent[]): Promise<Map<number, string>> {
  const rows = await db.read((tx) =>
    tx
      .selectFrom('deliveries')
      .select(['seq', 'state'])
      .where(
        'seq',
        'in',
        mails.map(({ deliverySeq }) => deliverySeq),
      )
      .execute(),
  );
  return new Map(rows.map(({ seq, state }) => [seq, state]));
}
