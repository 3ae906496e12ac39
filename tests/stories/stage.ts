import { setTimeout as pause } from 'node:timers/promises';
import { vi } from 'vitest';
import type { Ctx, Hooks } from '#db/context.ts';
import type { Db, Tx } from '#db/open.ts';
import { getProvider } from '#db/providers.ts';
import { awaitsExpanding } from '#delivery/expander.ts';
import type { Actor } from '#domain/permissions.ts';
import { type Instant, MINUTE, toInstant } from '#domain/time.ts';
import { fakeTransport } from '../delivery/support.ts';
import { seededRandom } from '../support/chance.ts';
import { type TestClock, testClock, testContext } from '../support/context.ts';
import { startFakeResend, type TakenMail } from '../support/fakeResend.ts';
import { type ReceivedCall, startReceiver } from '../support/receiver.ts';
import { CALM, type Fate, type Process, startProcess } from './process.ts';

/** What one person does at one moment of a story. */
export type Moment = {
  /** "02:10", or "21 09:00" on another day of the same month. */
  at: string;
  /** What is told of it; the actor stands first. */
  tells: string;
  by: Actor;
  deed: (ctx: Ctx) => Promise<unknown>;
};

/** What reached someone. */
export type Arrival = { at: Instant; to: string; subject: string; text: string; mail: TakenMail | null };

export type Stage = {
  ctx: Ctx;
  clock: TestClock;
  /** Where a webhook can be called. */
  hookUrl: string;
  /** What has reached whom, in order. */
  arrivals: Arrival[];
  /** Lets time pass until then, from moment to moment. */
  play: (moments: readonly Moment[], until: Instant) => Promise<void>;
  close: () => Promise<void>;
};

const OPEN: Hooks = { allowHttp: true, allowPrivate: true, resolve: async () => ['127.0.0.1'] };
/** How often the clock ticks: a promise is a matter of minutes. */
const TICK = MINUTE;
/** While nothing is open. A clock that moved on by more than ten minutes at once would look as if it had leapt. */
const LONG_TICK = 10 * MINUTE;
/** How long a restart takes. By then the provider's pace has forgotten the call that was under way. */
const RESTART = 2_000;

/**
 * A Foghorn on a stage of its own: a real database, real services, the duties of its clock and its outbox, over a provider's stand-in; only
 * time is ours. Where `fate` says so the process ends and another takes its place.
 */
export async function openStage(
  db: Db,
  { start, fate = CALM }: { start: Instant; fate?: Fate },
): Promise<Stage> {
  // Beats of a process that has ended would go on: within a step there is no time for any.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const clock = testClock(start);
  const fake = await startFakeResend();
  const receiver = await startReceiver();
  const base: Ctx = { ...testContext(db, { clock }), hooks: OPEN, log: strictLog() };
  const world = {
    base,
    db,
    mail: fakeTransport(fake),
    random: seededRandom(1),
    loseAnswer: () => fake.next({ kind: 'takeAndDrop' }),
  };
  const arrivals: Arrival[] = [];
  const seen = { mails: 0, calls: 0, ids: new Set<string>() };
  let over = false;
  const untilOver: Fate = { ...fate, strikes: (place) => !over && fate.strikes(place) };
  let foghorn: Process = startProcess(world, untilOver);

  return {
    ctx: base,
    clock,
    hookUrl: `${receiver.url}/hook`,
    arrivals,
    play,
    close: async () => {
      over = true;
      // Of one that has ended nothing is left to stop.
      if (foghorn.isAlive()) await foghorn.outbox.stop();
      await world.mail.close();
      vi.useRealTimers();
      await fake.close();
      await receiver.close();
    },
  };

  async function play(moments: readonly Moment[], until: Instant): Promise<void> {
    const coming = moments
      .map((moment) => ({ ...moment, instant: instantOf(moment.at, start) }))
      .sort((a, b) => (a.instant < b.instant ? -1 : a.instant > b.instant ? 1 : 0));
    for (let now = clock.now(); now <= until; now = await nextStop(now, coming, until)) {
      if (clock.now() < now) clock.set(now);
      fate.step();
      if (fate.restarts()) foghorn.die();
      while (coming[0] && coming[0].instant <= now) {
        const { deed, by } = coming.shift() as (typeof coming)[number];
        const act = async (ctx: Ctx) => void (await deed({ ...ctx, actor: by }));
        // Whoever got no answer asks again, at once: that nothing was kept is all that they need.
        while (!(await foghorn.serve(act)));
      }
      do {
        await restartIfDead();
        await tick();
        await settle();
      } while (!foghorn.isAlive());
      note(now);
    }
  }

  async function restartIfDead(): Promise<void> {
    while (!foghorn.isAlive()) {
      clock.advance(RESTART);
      foghorn = startProcess(world, untilOver);
      await Promise.race([foghorn.outbox.begun, foghorn.death]);
    }
  }

  async function tick(): Promise<void> {
    const { duties, ctx, death } = foghorn;
    for (const duty of Object.values(duties)) {
      if (!foghorn.isAlive()) return;
      await Promise.race([duty(ctx), death]);
    }
  }

  /** Until all that may leave by now has left and is written down. */
  async function settle(): Promise<void> {
    while (foghorn.isAlive()) {
      const { isDue, isHeld, waitsUntil, opensAt } = await db.read((tx) => workLeft(tx, clock.now()));
      if (!isDue && !isHeld && !waitsUntil) return;
      if (!isHeld) {
        if (!isDue && waitsUntil) clock.set(waitsUntil);
        if (opensAt > clock.now()) clock.set(opensAt);
      }
      foghorn.outbox.wake();
      await Promise.race([pause(2), foghorn.death]);
    }
  }

  function note(at: Instant): void {
    for (const mail of fake.mails.slice(seen.mails))
      arrivals.push({ at, to: mail.to, subject: mail.subject, text: mail.text, mail });
    seen.mails = fake.mails.length;
    for (const call of receiver.calls.slice(seen.calls)) {
      // By its id a receiver tells a repeat.
      const id = call.headers['webhook-id'] as string;
      if (seen.ids.has(id)) continue;
      seen.ids.add(id);
      arrivals.push({ at, to: 'webhook', subject: subjectOf(call), text: call.body, mail: null });
    }
    seen.calls = receiver.calls.length;
  }

  /** The next moment, tick or release of mail, whichever comes first. */
  async function nextStop(
    now: Instant,
    coming: readonly { instant: Instant }[],
    until: Instant,
  ): Promise<Instant> {
    const { next, isQuiet } = await db.read(async (tx) => ({
      next: (await awaitsExpanding(tx, now)).next,
      isQuiet: await isNothingOpen(tx),
    }));
    const every = isQuiet ? LONG_TICK : TICK;
    const tickAt = new Date((Math.floor(Date.parse(now) / every) + 1) * every).toISOString();
    const stops = [tickAt, coming[0]?.instant, next].filter((at) => at != null && at > now) as Instant[];
    const stop = stops.sort()[0] as Instant;
    return now < until && stop > until ? until : stop;
  }
}

/** "02:10" on the day that the story begins; "21 09:00" on that day of its month. */
export function instantOf(at: string, start: Instant): Instant {
  const [time, day] = at.split(' ').reverse() as [string, string?];
  return `${start.slice(0, 8)}${day ?? start.slice(8, 10)}T${time}:00.000Z`;
}

/** Whether something may leave now, or someone is at it; else when something frozen is called again. `opensAt`: what the pace waits for. */
async function workLeft(
  tx: Tx,
  now: Instant,
): Promise<{ isDue: boolean; isHeld: boolean; waitsUntil: Instant | null; opensAt: Instant }> {
  const rows = await tx
    .selectFrom('deliveries as d')
    .leftJoin('batches as b', 'b.seq', 'd.batch_seq')
    .select([
      'd.state',
      'd.not_before as queuedUntil',
      'b.not_before as frozenUntil',
      'b.lease_until as leased',
    ])
    .where('d.state', 'in', ['queued', 'in_batch'])
    .execute();
  const dueAt = rows.map(({ state, queuedUntil, frozenUntil }) =>
    state === 'queued' ? queuedUntil : (frozenUntil as Instant),
  );
  const frozen = rows.flatMap(({ state, frozenUntil }) => (state === 'in_batch' ? (frozenUntil ?? []) : []));
  const { calls } = await getProvider(tx, 'resend');
  return {
    isDue: (await awaitsExpanding(tx, now)).work || dueAt.some((at) => at <= now),
    isHeld: rows.some(({ leased }) => leased !== null),
    waitsUntil: frozen.sort()[0] ?? null,
    // The provider's stand-in names no limit; before it has said so, a process calls once a second.
    opensAt: toInstant(Math.max(0, ...calls.map(([, , arrived]) => arrived + 1_000))),
  };
}

async function isNothingOpen(tx: Tx): Promise<boolean> {
  const open = await tx
    .selectFrom('incidents')
    .select('seq')
    .where('resolved_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return open === undefined;
}

function subjectOf({ json }: ReceivedCall): string {
  if (json.component) return `${json.component.name} is ${json.component.status}`;
  const { status, name } = json.incident as { status: string; name: string };
  return `${status}: ${name}`;
}

/** Warnings are a part of bad luck; an error is a fault of ours. */
function strictLog(): Ctx['log'] {
  const quiet = () => undefined;
  return {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (fields, message) => {
      throw new Error(`${message} ${JSON.stringify(fields)}`, { cause: (fields as { err?: unknown }).err });
    },
  };
}
