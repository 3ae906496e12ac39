import type { Ctx } from '#db/context.ts';
import { type Instant, MINUTE } from '#domain/time.ts';
import { askAllApprovers } from '#services/approvals.ts';
import { postWhenLate } from '#services/automaticPosts.ts';
import { askToTakeOver } from '#services/handover.ts';
import { tellQuarantined } from '#services/hookMail.ts';
import { keepMaintenance } from '#services/maintenanceClock.ts';
import { makeNextWindows } from '#services/maintenanceSeries.ts';
import { followUpCalls } from '#services/placeFollowUps.ts';
import { tellRestingPlaces } from '#services/placeTrouble.ts';
import { askForPostmortems } from '#services/postmortems.ts';
import { applyReceipts } from '#services/receipts.ts';
import { tellOverdueRunbooks } from '#services/runbookMail.ts';
import { callStaff } from '#services/staffCalls.ts';
import { dailyDigestsDuty } from './dailyDigests.ts';
import { expiredSessionsDuty } from './expiredSessions.ts';
import { newHeartbeat } from './heartbeat.ts';
import { hourly } from './hourly.ts';
import { oldDraftsDuty } from './oldDrafts.ts';
import { oldEventsDuty } from './oldEvents.ts';
import { bumpPageByTime } from './pageTime.ts';

export type Clock = {
  /** Resolves when the tick that was running has ended; none follows. What was left to itself is not waited for. */
  stop: () => Promise<void>;
};

const TICK_MS = 1_000;
const LATE_MS = MINUTE;

type Duties = Readonly<Record<string, (ctx: Ctx) => Promise<unknown>>>;

/** What happens because time passed, in the order in which it is done. Each claims its work, so two processes never do it twice. */
export function newDuties(): Duties {
  return {
    'the page by time': bumpPageByTime,
    'maintenance that comes again': hourly(makeNextWindows),
    maintenance: keepMaintenance,
    'calls to staff': callStaff,
    'what follows calls': followUpCalls,
    'hand-overs': askToTakeOver,
    'posts by themselves': postWhenLate,
    'updates that wait for approval': askAllApprovers,
    digests: dailyDigestsDuty(),
    'expired sessions': expiredSessionsDuty(),
    'old drafts': oldDraftsDuty(),
    quarantine: tellQuarantined,
    'places that rest': tellRestingPlaces,
    'runbooks to review': hourly(tellOverdueRunbooks),
    'postmortems that are owed': hourly(askForPostmortems),
    receipts: applyReceipts,
    'old receipts': oldEventsDuty(),
  };
}

/**
 * Ticks about once a second until stopped. A duty that fails is tried again at the next tick; one that does not end is left to itself
 * after a minute, and begun again once it has ended. The others go on. The clock's heartbeat says both that it ticks and what it does not
 * get done (services/clockHealth.ts).
 */
export function startClock(
  ctx: Ctx,
  duties: Duties = newDuties(),
  { tickMs, lateMs }: { tickMs: number; lateMs: number } = { tickMs: TICK_MS, lateMs: LATE_MS },
): Clock {
  const failing = new Set<string>();
  /** Since when each has not been done; what was done is not here. */
  const undone = new Map<string, Instant>();
  const running = new Set<string>();
  const beat = newHeartbeat(ctx);
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let ticking = Promise.resolve();

  async function tick(): Promise<void> {
    for (const [name, duty] of Object.entries(duties)) {
      if (stopped) return;
      await inTime(name, duty);
    }
    if (!stopped) await inTime('heartbeat', () => beat(undone));
  }

  /** Begins the duty, unless it runs still, and waits for its end as long as may be. */
  async function inTime(name: string, duty: Duties[string]): Promise<void> {
    if (running.has(name)) return;
    running.add(name);
    if (!undone.has(name)) undone.set(name, ctx.now());
    const work = attempt(name, duty);
    let late: NodeJS.Timeout | undefined;
    const tooLong = new Promise<'too long'>((resolve) => {
      late = setTimeout(resolve, lateMs, 'too long');
    });
    const outcome = await Promise.race([work, tooLong]);
    clearTimeout(late);
    if (outcome !== 'too long') return;
    ctx.log.error(
      { duty: name, seconds: lateMs / 1000 },
      'The clock has waited for this for too long. The others go on; it is begun again once it has ended.',
    );
    failing.add(name);
  }

  async function attempt(name: string, duty: Duties[string]): Promise<void> {
    try {
      await duty(ctx);
      undone.delete(name);
      if (failing.delete(name)) ctx.log.info({ duty: name }, 'The clock works again.');
    } catch (error) {
      // Said once, not every second while a database is away.
      if (!failing.has(name)) ctx.log.error({ duty: name, err: error }, 'The clock could not do its work.');
      failing.add(name);
    } finally {
      running.delete(name);
    }
  }

  function next(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      ticking = tick();
      void ticking.then(next);
    }, tickMs);
  }

  next();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await ticking;
    },
  };
}
