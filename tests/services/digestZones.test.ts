import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { MINUTE } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { sendDigests } from '#services/digests.ts';
import { saveSettings } from '#services/settings.ts';
import { saveSubscription } from '#services/subscriptions.ts';
import { count } from '../chaos/size.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeComponent, setReleaseSeconds } from '../support/factory.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { outgoingHouse } from './outgoingHouse.ts';

const PARTS = ['api', 'mail', 'shop', 'cart', 'login'];
/** More than one write makes texts for, so that some have theirs while others still wait. */
const PEOPLE = 2 ** PARTS.length - 1;
/** The first zones that people name; those who name none are in the page's. */
const ZONES = [
  null,
  'Europe/Berlin',
  'America/New_York',
  'Asia/Tokyo',
  'Pacific/Auckland',
  'Pacific/Honolulu',
  'Asia/Kathmandu',
];
const PAGE_ZONES = ZONES.map((zone) => zone ?? 'UTC');
const MODES: readonly Mode[] = ['digest', 'policy'];
/** What people move between: some to hear each thing at once, and back. */
const CHOSEN: readonly Mode[] = [...MODES, 'everything'];
/** Two weekends on which clocks change, and a quiet one. */
const STARTS = ['2026-11-20T05:00:00.000Z', '2027-03-26T05:00:00.000Z', '2026-10-30T05:00:00.000Z'];

type Step =
  | { do: 'wait'; minutes: number }
  | { do: 'news'; part: number }
  | { do: 'move'; person: number; zone: number; mode: number }
  | { do: 'page'; zone: number }
  | { do: 'hour'; hour: number }
  /** The process ends after so many writes of its next turn. */
  | { do: 'break'; writes: number };

const below = (count: number) => fc.integer({ min: 0, max: count - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.integer({ min: 5, max: 700 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('news' as const), part: below(PARTS.length) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      person: below(PEOPLE),
      zone: below(ZONES.length),
      mode: below(CHOSEN.length),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('page' as const), zone: below(ZONES.length) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hour' as const), hour: below(24) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('break' as const), writes: below(4) }) },
);

/** Which parts a person follows, by number from 0: each has a choice of their own. */
const followed = (person: number) => PARTS.filter((_, bit) => ((person + 1) >> bit) & 1);

async function digestHouse(fresh: () => Promise<Db>, start: string) {
  const house = await outgoingHouse(fresh, { people: 0, batchSize: 100 });
  const { ctx, db } = house;
  await setReleaseSeconds(db, 0);
  for (const id of PARTS) await makeComponent(db, { id, name: id });
  for (let person = 0; person < PEOPLE; person++)
    await makeSubscribers(
      db,
      1,
      followed(person).map((id) => ({ kind: 'component' as const, id })),
      { mode: MODES[person % MODES.length] as Mode, zone: ZONES[person % ZONES.length] ?? null },
    );
  ctx.clock.set(start);
  const news: { words: string; part: string }[] = [];
  let count = 0;
  const tell = async (part: string) => {
    const components = [{ id: part, status: 'degraded_performance' as const }];
    const { id } = await house.declare({ severity: 'SEV4', components });
    // In letters, so that no name is the beginning of another.
    const words = `News ${[...String(count++)].map((digit) => 'abcdefghij'[Number(digit)]).join('')}.`;
    await house.say(id, { body: words, notify: true, components });
    news.push({ words, part });
  };
  const say = Object.assign(tell, { of: house.say });
  const move = async (person: number, timeZone: string | null, mode: Mode = 'digest') => {
    const id = `p${String(person + 1).padStart(11, '0')}`;
    const token = recipientLinks(ctx.site.url, ctx.sign, id, ctx.now()).manage_url.split('/').at(-1);
    await saveSubscription(ctx, token as string, {
      wholePage: false,
      groups: [],
      components: followed(person),
      pace: { mode, timeZone },
    });
  };
  let [timeZone, digestAt] = ['UTC', '09:00'];
  const setPage = async (changes: { timeZone?: string; digestAt?: string }) => {
    timeZone = changes.timeZone ?? timeZone;
    digestAt = changes.digestAt ?? digestAt;
    await saveSettings(ctx.as('owner'), {
      name: 'Harbour status',
      supportUrl: null,
      uptimeWeight: 0.3,
      releaseSeconds: 0,
      timeZone,
      digestAt,
    });
  };
  /** Lets time pass, with a turn of the clock every hour and at the end. */
  const pass = async (minutes: number) => {
    for (let left = minutes; left > 0; left -= 60) {
      ctx.clock.advance(Math.min(60, left) * MINUTE);
      await house.expand();
      while ((await sendDigests(ctx)).more);
    }
  };
  /** One turn of the clock in a process that ends after so many writes. */
  const breakOff = async (writes: number) => {
    let done = 0;
    const write: Db['write'] = (work) => {
      if (done++ >= writes) throw new Error('killed');
      return db.write(work);
    };
    await sendDigests({ ...ctx, db: { ...db, write } }).catch((error: unknown) => {
      if (!/killed/.test(String(error))) throw error;
    });
  };
  const mailsOf = (person: number) => house.heard(address(person + 1)).map(({ text }) => text);
  return { ...house, news, say, move, setPage, pass, breakOff, mailsOf };
}

type House = Awaited<ReturnType<typeof digestHouse>>;

async function act(house: House, one: Step): Promise<void> {
  if (one.do === 'wait') await house.pass(one.minutes);
  if (one.do === 'news') await house.say(PARTS[one.part] as string);
  if (one.do === 'move') await house.move(one.person, ZONES[one.zone] ?? null, CHOSEN[one.mode]);
  if (one.do === 'page') await house.setPage({ timeZone: PAGE_ZONES[one.zone] as string });
  if (one.do === 'hour') await house.setPage({ digestAt: `${String(one.hour).padStart(2, '0')}:00` });
  if (one.do === 'break') {
    house.ctx.clock.advance(40 * MINUTE);
    await house.breakOff(one.writes);
  }
}

/** Everyone has what concerns them once, and nobody a digest without news or two of one day in one zone. */
async function expectOnce(house: House): Promise<void> {
  await house.pass(3 * 24 * 60);
  await house.drain();
  for (let person = 0; person < PEOPLE; person++) {
    const mails = house.mailsOf(person);
    const heard = (words: string) => mails.filter((text) => text.includes(words)).length;
    expect({ person, heard: house.news.map(({ words }) => `${words} ${heard(words)}`) }).toEqual({
      person,
      heard: house.news.map(({ words, part }) => `${words} ${followed(person).includes(part) ? 1 : 0}`),
    });
    for (const text of mails) expect(text).toMatch(/News [a-j]+\./);
  }
  const rows = await house.db.read((tx) =>
    tx
      .selectFrom('deliveries as d')
      .innerJoin('digest_texts as t', 't.notice_seq', 'd.notice_seq')
      .select(['t.zone', 't.day', 'd.recipient_seq'])
      .execute(),
  );
  const each = rows.map((row) => `${row.recipient_seq} ${row.day} ${row.zone}`);
  expect(each).toHaveLength(new Set(each).size);
}

eachDatabase('digests while people and the page change their time zone', (fresh) => {
  it('somebody who moves to a zone whose digest has been told what happened since their last one', async () => {
    const house = await digestHouse(fresh, '2026-11-20T05:00:00.000Z');
    await house.move(0, 'Europe/Berlin');
    await house.move(2, 'Asia/Tokyo');
    await house.say('api');
    await house.pass(10 * 60);
    await house.say('api');
    // Nine o'clock came to Tokyo since, and not yet to Berlin.
    await house.pass(14 * 60);
    await house.move(0, 'Asia/Tokyo');
    await expectOnce(house);
  });

  it('the page moves to a zone in which others have had theirs: who named none misses nothing', async () => {
    const house = await digestHouse(fresh, '2026-11-20T05:00:00.000Z');
    await house.setPage({ timeZone: 'America/New_York' });
    for (const part of PARTS) await house.say(part);
    await house.pass(16 * 60);
    for (const part of PARTS) await house.say(part);
    await house.pass(7 * 60);
    await house.setPage({ timeZone: 'Asia/Tokyo' });
    await expectOnce(house);
  });

  it('somebody who moves while the digests of their zone are written is in one of them', async () => {
    const house = await digestHouse(fresh, '2026-11-20T05:00:00.000Z');
    await house.move(0, 'Asia/Tokyo');
    for (let person = 1; person < PEOPLE; person++) await house.move(person, 'Europe/Berlin');
    await house.pass(10 * 60);
    for (const part of PARTS) await house.say(part);
    await house.pass(16 * 60 + 59);
    house.ctx.clock.advance(MINUTE);
    await house.breakOff(2);
    for (let person = 1; person < PEOPLE; person += 2) await house.move(person, 'Asia/Tokyo');
    await expectOnce(house);
  });

  it('whoever goes back to digests after days without is told what is new, not all that happened meanwhile', async () => {
    const house = await digestHouse(fresh, '2026-11-20T05:00:00.000Z');
    await house.move(0, 'America/Lima');
    await house.say('api');
    await house.pass(24 * 60);
    await house.move(0, 'America/Lima', 'important');
    const { id } = await house.declare({
      severity: 'SEV4',
      components: [{ id: 'api', status: 'partial_outage' }],
    });
    await house.say.of(id, { body: 'It begins.', notify: true });
    await house.say.of(id, { body: 'It is hardly any different.', notify: true });
    await house.pass(3 * 24 * 60);
    await house.move(0, 'America/Lima', 'digest');
    await house.pass(60);
    await house.say('api');
    await house.pass(3 * 24 * 60);
    await house.drain();
    const digests = house.mailsOf(0).filter((text) => text.includes('\nFrom '));
    expect(digests.map((text) => text.match(/News [a-j]+|hardly|begins/g))).toEqual([['News a'], ['News b']]);
  });

  it('an update whose mail had not left when its reader chose digests is in the next one', async () => {
    const house = await digestHouse(fresh, '2026-11-20T05:00:00.000Z');
    await house.move(0, 'Asia/Tokyo', 'everything');
    await house.say('api');
    await house.move(0, 'Asia/Tokyo', 'digest');
    await expectOnce(house);
  });

  it('whoever chooses every update is told at once what their next digest would have said, and nothing of it again', async () => {
    const house = await digestHouse(fresh, '2026-11-20T05:00:00.000Z');
    await house.move(0, 'Asia/Tokyo');
    await house.say('api');
    await house.pass(20 * 60);
    await house.say('api');
    await house.pass(60);
    await house.move(0, 'Asia/Tokyo', 'everything');
    await house.drain();
    const [first, second] = house.mailsOf(0).map((text) => text.match(/News [a-j]+/g));
    expect([first, second]).toEqual([['News a'], ['News b']]);
    await house.say('api');
    await house.move(0, 'Asia/Tokyo', 'digest');
    house.ctx.clock.advance(MINUTE);
    await house.move(0, 'Asia/Tokyo', 'everything');
    await expectOnce(house);
    expect(house.mailsOf(0)).toHaveLength(3);
  });

  it('whoever chooses every update gets the mail, too, that waits for its time', async () => {
    const house = await digestHouse(fresh, '2026-11-20T12:00:00.000Z');
    await house.move(0, null, 'policy');
    const { id } = await house.declare({
      severity: 'SEV3',
      components: [{ id: 'api', status: 'partial_outage' }],
    });
    await house.say.of(id, { body: 'It begins.', notify: true });
    await house.pass(10);
    await house.drain();
    expect(house.mailsOf(0)).toEqual([]);
    await house.move(0, null, 'everything');
    await house.drain();
    expect(house.mailsOf(0)).toEqual([]);
    await house.pass(25);
    await house.drain();
    expect(house.mailsOf(0).map((text) => text.match(/It begins/g))).toEqual([['It begins']]);
  });

  it('whatever changes when: each thing that happened is in one digest of each whom it concerns', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...STARTS),
        fc.array(step, { minLength: 40, maxLength: 70 }),
        async (start, steps) => {
          const house = await digestHouse(fresh, start);
          for (const one of steps) await act(house, one);
          await expectOnce(house);
          await house.db.close();
        },
      ),
      { numRuns: count('DIGEST_RUNS', { quick: 3, full: 24 }), endOnFailure: true },
    );
  });
});
