import type { Ctx } from '#db/context.ts';
import type { Lane } from '#db/deliveries.ts';
import type { Tx } from '#db/open.ts';
import { type OutboxFigures, readOutbox } from '#db/outboxReports.ts';
import { getProvider, type Provider } from '#db/providers.ts';
import { type Loops, listWorkers, type Worker } from '#db/workers.ts';
import { paceOf } from '#domain/pace.ts';
import { requirePermission } from '#domain/permissions.ts';
import { isUrgent } from '#domain/priority.ts';
import { addMs, durationText, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { readAutomaticTrouble } from './automaticTrouble.ts';
import { readClockTrouble } from './clockHealth.ts';
import { kept } from './kept.ts';
import { readPlaceTrouble } from './placeTrouble.ts';
import { readStaffTrouble } from './staffMail.ts';

/** One thing about sending that someone should know. `fine` needs no one; `waiting` mends itself; `trouble` needs someone. */
export type HealthItem = {
  level: 'fine' | 'waiting' | 'trouble';
  /** What is so, and why. */
  message: string;
  /** What to do; null when nothing is to be done. */
  fix: string | null;
  /** Where that is done. */
  at?: { href: string; label: string };
};

/** How sending is, for the top of the admin: the worst first, and what else is so. */
export type DeliveryHealth = HealthItem & {
  more: HealthItem[];
  /** The provider that `resumeProvider` would start again; null when none has stopped. */
  resumable: string | null;
  /** Ways out that are in use and can be paused. */
  pausable: string[];
  /** Mails and calls not out yet; those of stopped messages do not count. */
  waiting: number;
  oldestDue: Instant | null;
  /** Mails a minute over the last minute; null when none left in it. */
  pace: number | null;
  workers: number;
  undecided: number;
  /** Resend does not tell how many mails it allows, nor does the operator: then nothing is kept back for what is urgent. */
  limitsUnknown: boolean;
};

/** A worker beats every 5 s; after six missed beats it is gone. */
export const ALIVE_MS = 30_000;
/** Mail that has been due for longer is late; so much later, someone must look. */
const LATE_MS = 2 * MINUTE;
const TOO_LATE_MS = 10 * MINUTE;
/** A loop turns twice a second; what it does in a turn is bounded. */
const SILENT_MS = MINUTE;

export async function getDeliveryHealth(ctx: Ctx): Promise<DeliveryHealth> {
  requirePermission(ctx.actor, 'delivery.read');
  const outbox = await readSending(ctx);
  const calls = [
    ...(await readClockTrouble(ctx)),
    ...(await readStaffTrouble(ctx)),
    ...(await readPlaceTrouble(ctx)),
    ...(await readAutomaticTrouble(ctx)),
  ];
  const items = [...calls, ...judge(outbox).filter(({ level }) => !calls.length || level !== 'fine')];
  const [worst, ...more] = items.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  const { providers, workers, lanes } = outbox;
  return {
    ...(worst as HealthItem),
    more,
    resumable: providers.find((provider) => isHeldUp(provider, outbox.now))?.id ?? null,
    pausable: providers
      .filter(({ pausedAt }) => !pausedAt)
      .map(({ id }) => id)
      // Mail first.
      .sort((a, b) => Number(a === 'hook') - Number(b === 'hook')),
    waiting: lanes.mail.waiting + lanes.hook.waiting,
    oldestDue: [lanes.mail.oldestDue, lanes.hook.oldestDue].filter((at) => at !== null).sort()[0] ?? null,
    pace: lanes.mail.pace,
    workers: workers.filter(({ alive }) => alive).length,
    undecided: outbox.figures.undecided,
    limitsUnknown: providers.some(
      ({ id, quotas }) =>
        id === 'resend' && quotas.length > 0 && quotas.every(({ limit, ours }) => ours && limit === null),
    ),
  };
}

/** An operator may let it go on: it is stopped, paused, or waits for long. */
function isHeldUp({ circuit, pausedAt, quotas, blockedUntil }: Provider, now: Instant): boolean {
  const isSpent = quotas.some(({ spent, resetsAt }) => spent !== 'no' && resetsAt && resetsAt > now);
  const waits = blockedUntil !== null && msBetween(now, blockedUntil) > MINUTE;
  return circuit === 'open' || pausedAt !== null || isSpent || waits;
}

const LEVELS = ['trouble', 'waiting', 'fine'];
const LANES: readonly Lane[] = ['mail', 'hook'];

type LaneView = {
  waiting: number;
  oldestDue: Instant | null;
  urgentSince: Instant | null;
  pace: number | null;
};

/** Everything that is known of sending now, read in one snapshot; the counts of a long queue may be some seconds old. */
export type Sending = {
  now: Instant;
  figures: OutboxFigures;
  lanes: Record<Lane, LaneView>;
  workers: (Worker & { lane: Lane; provider: string; alive: boolean })[];
  /** The ways out that living workers use; when none lives, the last that was used. */
  providers: Provider[];
};

export async function readSending(ctx: Ctx): Promise<Sending> {
  const now = ctx.now();
  return kept(ctx.db, 'sending', now, async () => {
    const value = await ctx.db.read((tx) => sendingNow(tx, now));
    const waiting = value.figures.queues.reduce((sum, queue) => sum + queue.waiting, 0);
    // Some 50 ms for a million: not for each of many who look.
    return { value, forMs: waiting > 50_000 ? 2_000 : 0 };
  });
}

async function sendingNow(tx: Tx, now: Instant): Promise<Sending> {
  const figures = await readOutbox(tx, now);
  const workers = (await listWorkers(tx)).flatMap((worker) => {
    const [lane, provider] = worker.role.split(':');
    if ((lane !== 'mail' && lane !== 'hook') || !provider) return [];
    return [{ ...worker, lane, provider, alive: worker.beatAt >= addMs(now, -ALIVE_MS) } as const];
  });
  const used = workers.filter(({ alive }) => alive);
  const ids = new Set((used.length ? used : workers.slice(0, 1)).map(({ provider }) => provider));
  const providers: Provider[] = [];
  for (const id of ids) providers.push(await getProvider(tx, id));
  const rateOf = (lane: Lane) =>
    providers.find(({ id }) => (id === 'hook') === (lane === 'hook'))?.rate ?? null;
  const laneView = (lane: Lane): LaneView => {
    const queues = figures.queues.filter((queue) => queue.lane === lane);
    const batches = figures.inBatch.find((row) => row.lane === lane);
    const oldest = [...queues.map(({ oldestDue }) => oldestDue), batches?.since ?? null].filter(
      (at) => at !== null,
    );
    const recent = figures.lastMinute.find((row) => row.lane === lane) ?? null;
    return {
      waiting: queues.reduce((sum, queue) => sum + queue.waiting, 0) + (batches?.mails ?? 0),
      oldestDue: oldest.sort()[0] ?? null,
      urgentSince:
        queues.find(({ priority, oldestDue }) => isUrgent(priority) && oldestDue)?.oldestDue ?? null,
      pace: paceOf(recent, { now, rate: rateOf(lane) }),
    };
  };
  return {
    now,
    figures,
    lanes: { mail: laneView('mail'), hook: laneView('hook') },
    workers,
    providers,
  };
}

/** What is wrong, each thing once; one line that all is well when nothing is. */
function judge(sending: Sending): HealthItem[] {
  const items = [
    ...sending.providers.flatMap((provider) => ofProvider(provider, sending)),
    ...LANES.flatMap((lane) => absence(lane, sending)),
    ...LANES.flatMap((lane) => silence(lane, sending)),
    ...ofMessages(sending),
    ...LANES.flatMap((lane) => lateness(lane, sending)),
  ];
  if (items.length) return items;
  const { mail, hook } = sending.lanes;
  const left = mail.waiting + hook.waiting + sending.figures.expanding;
  return [
    {
      level: left ? 'waiting' : 'fine',
      message: left ? 'Mail is going out.' : 'Nothing is waiting.',
      fix: null,
    },
  ];
}

function ofProvider(provider: Provider, { now, lanes, figures }: Sending): HealthItem[] {
  const { waiting } = lanes[provider.id === 'hook' ? 'hook' : 'mail'];
  const left = waiting + figures.expanding;
  if (provider.circuit === 'open')
    return [
      {
        level: 'trouble',
        message: `Sending has stopped. ${provider.circuitReason ?? ''}`.trim(),
        fix: 'Mend it, then press Resume.',
      },
    ];
  if (provider.pausedAt)
    return [
      {
        level: left ? 'trouble' : 'waiting',
        message: `${provider.pausedBy ?? 'Someone'} paused ${provider.id === 'hook' ? 'the calls of webhooks and chats' : 'sending mail'} ${agoText(provider.pausedAt, now)}. None leaves until it is resumed.`,
        fix: 'Press Resume when it may go on.',
      },
    ];
  const spent = provider.quotas.find(({ spent, resetsAt }) => spent !== 'no' && resetsAt && resetsAt > now);
  if (spent)
    return [
      {
        level: left ? 'trouble' : 'waiting',
        message: `The ${spent.period === 'day' ? 'daily' : 'monthly'} quota of the mail provider is used up for another ${durationText(msBetween(now, spent.resetsAt as Instant))}. ${spent.spent === 'for most' ? 'Only SEV1 and confirmations still leave.' : 'Nothing leaves.'}`,
        fix: 'It goes on by itself. A higher plan at the provider lets it go on now: raise it, then press Resume.',
      },
    ];
  const wait = provider.blockedUntil ? msBetween(now, provider.blockedUntil) : 0;
  if (left && wait > MINUTE)
    return [
      {
        level: 'trouble',
        message: `Sending waits for another ${durationText(wait)}. ${provider.blockedReason ?? ''}`.trim(),
        fix: 'It goes on by itself. A higher plan at the provider lets it go on now: raise it, then press Resume.',
      },
    ];
  return [];
}

function absence(lane: Lane, { now, lanes, workers, figures }: Sending): HealthItem[] {
  const own = workers.filter((worker) => worker.lane === lane);
  if (own.some(({ alive }) => alive)) return [];
  // Every message begins in the mail lane: there deliveries come into being.
  const left = lanes[lane].waiting + (lane === 'mail' ? figures.expanding : 0);
  if (!left && lane === 'hook') return [];
  const what =
    lane === 'mail'
      ? 'Mail is waiting and no process is sending.'
      : 'Webhooks and chats are waiting and no process calls them.';
  const last = own[0] ? ` The last one fell silent ${agoText(own[0].beatAt, now)}.` : '';
  return [
    {
      // Even with nothing waiting: what is posted next would stay here.
      level: 'trouble',
      message: (left ? what : 'No process is ready to send.') + last,
      fix: 'Start Foghorn with FOGHORN_ROLE=all, or start a worker. If one runs, its log says why it is silent.',
    },
  ];
}

const LOOPS = {
  expanding: 'turns messages into one for each person',
  sending: 'hands messages over',
} as const;

/** A heart that beats where the work behind it has come to a stop. */
function silence(lane: Lane, { now, workers }: Sending): HealthItem[] {
  const own = workers.filter((worker) => worker.lane === lane && worker.alive);
  return Object.entries(LOOPS).flatMap(([loop, what]): HealthItem[] => {
    const silent = own.flatMap(({ loops, beatAt }) => {
      const ms = loops[loop as keyof Loops];
      return ms === undefined ? [] : [ms + Math.max(0, msBetween(beatAt, now))];
    });
    // One that goes on does the work of all.
    const ms = Math.min(...silent);
    if (!silent.length || ms <= SILENT_MS) return [];
    return [
      {
        level: 'trouble',
        message: `A worker lives, but what ${what}${lane === 'hook' ? ' to webhooks and chats' : ''} has not got through a turn for ${durationText(ms)}.`,
        fix: 'Its log says why, and so does that of the database. Restart Foghorn, or the worker: nothing is lost or sent twice by that.',
      },
    ];
  });
}

/** Said where nothing else explains it. */
function lateness(lane: Lane, { now, lanes, workers, providers }: Sending): HealthItem[] {
  const { oldestDue, urgentSince } = lanes[lane];
  const age = oldestDue ? msBetween(oldestDue, now) : 0;
  const own = providers.filter(({ id }) => (id === 'hook') === (lane === 'hook'));
  const isExplained =
    !workers.some((worker) => worker.lane === lane && worker.alive) ||
    own.some(({ pausedAt, circuit }) => pausedAt || circuit === 'open');
  if (age <= LATE_MS || isExplained) return [];
  const isUrgent = urgentSince !== null && msBetween(urgentSince, now) > LATE_MS;
  const why = own.find(({ blockedUntil }) => blockedUntil && blockedUntil > now)?.blockedReason ?? '';
  return [
    {
      level: isUrgent || age > TOO_LATE_MS ? 'trouble' : 'waiting',
      message:
        `The oldest ${lane === 'mail' ? 'mail' : 'call of a webhook or chat'} has been waiting for ${durationText(age)}. ${why}`.trim(),
      fix: null,
    },
  ];
}

function ofMessages({ figures }: Sending): HealthItem[] {
  const items: HealthItem[] = [];
  if (figures.stuck)
    items.push({
      level: 'trouble',
      message: `${figures.stuck} ${figures.stuck === 1 ? 'message cannot' : 'messages cannot'} be made ready for ${figures.stuck === 1 ? 'its' : 'their'} readers: it failed several times in a row. Others go on.`,
      fix: 'It is tried again by itself, and the log of the worker says why it fails. If it stays so: stop it, drop what is left of it, and post the news again.',
      at: { href: '/admin/deliveries', label: 'Messages' },
    });
  if (figures.held)
    items.push({
      level: 'trouble',
      message: `${figures.held} ${figures.held === 1 ? 'batch is' : 'batches are'} held: ${figures.held === 1 ? 'it' : 'they'} may be out already, and someone has to say so.`,
      fix: 'Look for them in the provider’s log, then say which it is. They are never sent again by themselves; after 23 hours their mails are shown as uncertain.',
      at: { href: '/admin/deliveries/uncertain', label: 'Decide' },
    });
  if (figures.stoppedByFault)
    items.push({
      level: 'trouble',
      message: `A message was stopped by ${figures.stoppedByFault.words} Whoever was refused waits; other messages go on.`,
      fix: 'Mend what those words name, in the message or at the provider. Then let it go on.',
      at: { href: '/admin/deliveries', label: 'Messages' },
    });
  const byHand = figures.stopped - (figures.stoppedByFault?.messages ?? 0);
  if (byHand)
    items.push({
      level: 'waiting',
      message: `${byHand} ${byHand === 1 ? 'message is' : 'messages are'} stopped. Nothing of ${byHand === 1 ? 'it' : 'them'} leaves until someone lets it go on or mends it.`,
      fix: null,
    });
  if (figures.undecided)
    items.push({
      level: 'waiting',
      message: `${figures.undecided.toLocaleString('en')} ${figures.undecided === 1 ? 'mail' : 'mails'} may or may not have arrived, and nobody has decided what to do.`,
      fix: 'Send them again, knowing that some may come twice, or leave them.',
      at: { href: '/admin/deliveries/uncertain', label: 'Decide' },
    });
  return items;
}

function agoText(at: Instant, now: Instant): string {
  const ms = msBetween(at, now);
  return ms < MINUTE ? 'less than a minute ago' : `${durationText(ms)} ago`;
}
