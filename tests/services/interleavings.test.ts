import { expect, it } from 'vitest';
import { goOn, listOutgoing, sendNow, stopSending } from '#services/fanoutControl.ts';
import { chanceOf } from '../support/chance.ts';
import { freshSqlite } from '../support/databases.ts';
import { outgoingHouse, type Sent } from './outgoingHouse.ts';

const SEEDS = Array.from({ length: 30 }, (_, index) => index + 1);

/** The texts of the first and second update, as they were at first and after each mend. */
const ONE = ['The first, as posted.', 'The first, mended.', 'The first, mended twice.'];
const TWO = ['The second, as posted.', 'The second, mended.', 'The second, mended twice.'];

/** What a mail says in full, not what it quotes as earlier. */
const says = ({ text }: Sent) => {
  const body = text.split('\nEarlier\n')[0] as string;
  return [...ONE, ...TWO].filter((words) => body.includes(words));
};

/**
 * Posts, stops, mends and lets go on at moments that the seed decides, while calls are taken, refused or left without an answer, and then
 * lets everything leave.
 */
async function live(seed: number) {
  const chance = chanceOf(seed);
  const below = (count: number) => Math.floor(chance() * count);
  const house = await outgoingHouse(freshSqlite, { people: 9, batchSize: 2, concurrency: 2 });
  const { ctx, wire } = house;
  wire.takes = false;
  const { id } = await house.declare();
  let said = 0;
  const mended = [0, 0];

  const say = async () => {
    if (said === 2) return;
    said += 1;
    await house.say(id, { body: (said === 1 ? ONE : TWO)[0] as string, notify: true });
  };
  const steer = async (verb: typeof goOn) => {
    const outgoing = await listOutgoing(ctx, id);
    const one = outgoing[below(outgoing.length)];
    if (one) await verb(ctx, one.noticeId);
  };
  const mend = async () => {
    const which = below(said);
    if (said === 0 || mended[which] === 2) return;
    mended[which] = (mended[which] as number) + 1;
    const text = (which === 0 ? ONE : TWO)[mended[which] as number] as string;
    await house.edit(id, text, { index: said - 1 - which });
  };
  const answer = async () => {
    if (!wire.open.length) return;
    const kinds = ['accepted', 'accepted', 'accepted', 'takenInSilence', 'unknown'] as const;
    await house.answer(kinds[below(kinds.length)]);
  };
  const wait = async () => ctx.clock.advance(1_000 + below(12_000));
  const steps = [
    ...[say, house.expand, house.expand, house.turn, house.turn, answer, answer, answer, wait, wait, mend],
    ...[() => steer(stopSending), () => steer(goOn), () => steer(sendNow)],
  ];
  await say();
  for (let step = 0; step < 45; step += 1) await steps[below(steps.length)]?.();
  while (said < 2) await say();
  for (const { noticeId, state } of await listOutgoing(ctx, id))
    if (state === 'stopped') await goOn(ctx, noticeId).catch(() => undefined);
  for (let turn = 0; turn < 8; turn += 1) {
    ctx.clock.advance(60_000);
    await house.drain();
  }
  return { ...house, id, right: [ONE[mended[0] as number], TWO[mended[1] as number]] as [string, string] };
}

it.each(SEEDS)(
  'whatever comes between, everyone has the right words at the end, each once: %i',
  async (seed) => {
    const house = await live(seed);
    expect(await listOutgoing(house.ctx, house.id)).toEqual([]);
    for (const to of house.addresses) {
      const mails = house.heard(to);
      const story = mails.map((mail) => `${mail.subject.split(' ')[0]} ${says(mail).join(' + ')}`).join('\n');
      const count = (words: string) => mails.filter((mail) => says(mail).includes(words)).length;
      // The last word on the second update, which nothing takes the place of, is the right one.
      expect(count(house.right[1]), story).toBeGreaterThanOrEqual(1);
      // Nobody reads the same words twice over.
      for (const words of [...ONE, ...TWO])
        expect(count(words), `${to}: ${words}\n${story}`).toBeLessThanOrEqual(1);
      for (const [which, texts] of [ONE, TWO].entries()) {
        const wrong = texts.filter((words) => words !== house.right[which] && count(words) > 0);
        // Whoever got a wrong text got the right one after it.
        const at = (words: string) => mails.findIndex((mail) => says(mail).includes(words));
        for (const words of wrong) expect(at(house.right[which] as string), story).toBeGreaterThan(at(words));
        // Nobody gets a correction of what they never got.
        if (!wrong.length)
          expect(
            mails.some(
              (mail) =>
                mail.subject.startsWith('[Correction]') && says(mail).includes(house.right[which] as string),
            ),
            story,
          ).toBe(false);
      }
    }
    await house.db.close();
  },
);
