import { findSubject } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { countStates } from '#db/deliveryReports.ts';
import { countInPlace, listReplaced, putOffRelease, setDropped } from '#db/dropped.ts';
import { findIncidentBySeq, type Incident } from '#db/incidents.ts';
import { listNotices } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listUnfinished, MAY_HAVE_IT, type Unfinished } from '#db/unfinished.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { control, mayStillGo, missing, seqsOf } from './fanoutControl.ts';
import { releaseAfter } from './updateMail.ts';

/** What dropping the rest of a stopped message means, in people. */
export type Rest = {
  incident: Pick<Incident, 'id' | 'kind' | 'title'>;
  subject: string;
  stoppedBy: string;
  /** Who has it, or may have: it was handed over, or is being handed over. */
  got: number;
  /** Who will not hear it: subscribers, and people in audiences and of accounts. */
  subscribers: number;
  inAudiences: number;
  /** Who got a wrong text of it and will not get its correction. */
  uncorrected: number;
  /** Of those who will not hear it: who has not heard of an earlier update either, which this one was to bring, and gets that alone. */
  getEarlier: number;
};

/** What dropRest would do now. @throws AppError not_found; conflict when nothing of it is stopped */
export async function previewDrop(ctx: Ctx, noticeId: string): Promise<Rest> {
  requirePermission(ctx.actor, 'incident.publish');
  return ctx.db.read(async (tx) => {
    const { incidentSeq, updateSeq } = (await findSubject(tx, noticeId)) ?? missing();
    const { id, kind, title } = (await findIncidentBySeq(tx, incidentSeq, ctx.actor)) ?? missing();
    const group = (await listUnfinished(tx, incidentSeq)).filter(
      (one) => one.updateSeq === updateSeq && mayStillGo(one),
    );
    const stopped = stoppedOf(group);
    const notices = await listNotices(tx, seqsOf(group));
    return {
      incident: { id, kind, title },
      subject: (notices.find((one) => one.id === noticeId) ?? notices[0])?.subject ?? '',
      stoppedBy: stopped[0]?.stoppedBy ?? 'someone',
      ...(await countRest(tx, stopped)),
    };
  });
}

/**
 * Ends a stopped message for everyone who has not got it: once this returns, nothing more of it leaves but batches that are frozen
 * already, and what of these comes back ends too. Later updates go to these people as to anyone, and do not repeat this one. Where it had
 * taken the place of an earlier update that they have not got either, they get that one, after a release window.
 * @returns how many will not hear it
 * @throws AppError not_found; conflict when nothing of it is stopped
 */
export async function dropRest(ctx: Ctx, noticeId: string): Promise<number> {
  // Counting a million rows is no work for the one writer. It is stopped: the figure hardly changes.
  const { subscribers, inAudiences, getEarlier } = await previewDrop(ctx, noticeId);
  await control(ctx, noticeId, 'delivery.drop', async (tx, group) => {
    const stopped = stoppedOf(group);
    const now = ctx.now();
    await setDropped(tx, seqsOf(stopped), { at: now, by: actorLabel(ctx.actor) });
    if (getEarlier) {
      const releaseAt = releaseAfter({ page: await getPage(tx), now });
      for (const one of stopped) await putOffRelease(tx, await listReplaced(tx, one), releaseAt);
    }
    return { count: subscribers + inAudiences };
  });
  return subscribers + inAudiences;
}

function stoppedOf(group: readonly Unfinished[]): Unfinished[] {
  const stopped = group.filter(({ stoppedAt }) => stoppedAt !== null);
  if (!stopped.length)
    throw new AppError('conflict', 'Nothing of it is stopped.', {
      fix: 'Stop it first, if it is still going out.',
    });
  return stopped;
}

async function countRest(
  tx: Tx,
  stopped: readonly Unfinished[],
): Promise<Pick<Rest, 'got' | 'subscribers' | 'inAudiences' | 'uncorrected' | 'getEarlier'>> {
  const counts = await countStates(tx, seqsOf(stopped));
  const rest = { got: 0, subscribers: 0, inAudiences: 0, uncorrected: 0, getEarlier: 0 };
  for (const one of stopped) {
    const states = counts.get(one.noticeSeq) ?? {};
    const made = Object.values(states).reduce((sum, count) => sum + count, 0);
    const unmade = one.expanding ? Math.max(0, one.expected - made) : 0;
    const left = (states.queued ?? 0) + unmade;
    if (one.mends) {
      rest.uncorrected += left;
      continue;
    }
    rest[one.to === 'subscribers' ? 'subscribers' : 'inAudiences'] += left;
    rest.got += MAY_HAVE_IT.reduce((sum, state) => sum + (states[state] ?? 0), 0);
    if ((await listReplaced(tx, one)).length) rest.getEarlier += await countInPlace(tx, one.noticeSeq);
  }
  return rest;
}
