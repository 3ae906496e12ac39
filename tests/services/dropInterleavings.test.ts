import { expect, it } from 'vitest';
import { dropRest } from '#services/dropRest.ts';
import { goOn, listOutgoing, sendNow, stopSending } from '#services/fanoutControl.ts';
import { states } from '../delivery/support.ts';
import { chanceOf } from '../support/chance.ts';
import { eachDatabase } from '../support/databases.ts';
import { outgoingHouse, type Sent } from './outgoingHouse.ts';

const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);

const WORDS = ['The first of all.', 'The second of all.', 'The third of all.', 'The fourth of all.'];

/** What a mail says in full, not what it quotes as earlier. */
const says = ({ text }: Sent) => {
  const body = text.split('\nEarlier\n')[0] as string;
  return WORDS.filter((words) => body.includes(words));
};

/**
 * Posts, stops, drops and lets go on at moments that the seed decides, while calls are taken, refused or left without an answer, and then
 * lets everything leave. The last update is not dropped.
 */
async function live(seed: number, fresh: Parameters<typeof outgoingHouse>[0]) {
  const chance = chanceOf(seed);
  const below = (count: number) => Math.floor(chance() * count);
  const house = await outgoingHouse(fresh, { people: 9, batchSize: 2, concurrency: 2 });
  const { ctx, wire, db } = house;
  wire.takes = false;
  const { id } = await house.declare();
  let said = 0;
  const dropped = new Set<string>();

  const say = async () => {
    if (said === WORDS.length - 1) return;
    await decide(1);
    await house.say(id, { body: WORDS[said] as string, notify: true });
    said += 1;
  };
  /** Nothing newer is said before what was stopped is decided: it would take its place and leave it out. */
  const decide = async (share: number) => {
    const { updates } = await house.get(id);
    for (const { noticeId, updateId, state } of await listOutgoing(ctx, id)) {
      if (state !== 'stopped' || chance() > share) continue;
      if (chance() < 0.4) await goOn(ctx, noticeId);
      else {
        await dropRest(ctx, noticeId);
        dropped.add(updates.find((update) => update.id === updateId)?.body ?? '');
      }
    }
  };
  const steer = async (verb: typeof stopSending) => {
    const outgoing = await listOutgoing(ctx, id);
    const at = below(outgoing.length);
    const one = outgoing[at];
    if (one) await verb(ctx, one.noticeId);
    if (at > 0) await decide(1);
  };
  const answer = async () => {
    if (!wire.open.length) return;
    const kinds = ['accepted', 'accepted', 'accepted', 'takenInSilence', 'unknown', 'configuration'] as const;
    await house.answer(kinds[below(kinds.length)]);
    await db.write((tx) => tx.updateTable('providers').set({ circuit: 'closed' }).execute());
  };
  const wait = async () => ctx.clock.advance(1_000 + below(12_000));
  const steps = [
    ...[say, say, house.expand, house.expand, house.turn, house.turn, answer, answer, answer, wait, wait],
    ...[() => steer(stopSending), () => decide(0.5), () => steer(sendNow)],
  ];
  await say();
  for (let step = 0; step < 50; step += 1) await steps[below(steps.length)]?.();
  await decide(1);
  await house.say(id, { body: WORDS.at(-1) as string, notify: true });
  for (let turn = 0; turn < 8; turn += 1) {
    ctx.clock.advance(60_000);
    await house.drain();
  }
  return { ...house, id, said: [...WORDS.slice(0, said), WORDS.at(-1) as string], dropped };
}

eachDatabase('whatever comes between', (fresh) => {
  it.each(SEEDS)('everyone hears once what was not dropped, and at most once what was: %i', async (seed) => {
    const house = await live(seed, fresh);
    expect(await listOutgoing(house.ctx, house.id)).toEqual([]);
    const left = await states(house.db);
    expect([left.queued, left.in_batch]).toEqual([undefined, undefined]);
    for (const to of house.addresses) {
      const mails = house.heard(to);
      const story = `${[...house.dropped].join(' ')} dropped\n${mails.map((mail) => says(mail).join(' + ')).join('\n')}`;
      for (const words of house.said) {
        const count = mails.filter((mail) => says(mail).includes(words)).length;
        if (house.dropped.has(words)) expect(count, `${to}: ${words}\n${story}`).toBeLessThanOrEqual(1);
        else expect(count, `${to}: ${words}\n${story}`).toBe(1);
      }
    }
  });
});
