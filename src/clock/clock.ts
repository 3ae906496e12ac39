import type { Ctx } from '#db/context.ts';
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
import { hourly } from './hourly.ts';
import { oldDraftsDuty } from './oldDrafts.ts';
import { oldEventsDuty } from './oldEvents.ts';
import { bumpPageByTime } from './pageTime.ts';

export type Clock = {
  /** Resolves when the tick that was running has ended; none follows. */
  stop: () => Promise<void>;
};

const TICK_MS = 1_000;

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

/** Ticks about once a second until stopped. A duty that fails is tried again at the next tick; the others go on. */
export function startClock(ctx: Ctx, duties: Duties = newDuties()): Clock {
  const failing = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let ticking = Promise.resolve();

  async function tick(): Promise<void> {
    for (const [name, duty] of Object.entries(duties)) {
      if (stopped) return;
      try {
        await duty(ctx);
        if (failing.delete(name)) ctx.log.info({ duty: name }, 'The clock works again.');
      } catch (error) {
        // Said once, not every second while a database is away.
        if (!failing.has(name)) ctx.log.error({ duty: name, err: error }, 'The clock could not do its work.');
        failing.add(name);
      }
    }
  }

  function next(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      ticking = tick();
      void ticking.then(next);
    }, TICK_MS);
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
