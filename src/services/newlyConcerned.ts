import { listClaimsOfSource } from '#db/claims.ts';
import { findComponents } from '#db/components.ts';
import { listUnsaid, omitsOf } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { insertDigestItem } from '#db/digestItems.ts';
import { countNamed } from '#db/fanoutPeople.ts';
import type { FanoutFilter } from '#db/fanouts.ts';
import type { Incident } from '#db/incidents.ts';
import { fitWaiting } from '#db/narrow.ts';
import type { Tx } from '#db/open.ts';
import { listSpared } from '#db/spared.ts';
import { readToldSoFar } from '#db/streams.ts';
import type { Unfinished } from '#db/unfinished.ts';
import { listUpdates, type Update } from '#db/updates.ts';
import { isOver } from '#domain/status.ts';
import { MODES, planStreams } from '#domain/subscriberPace.ts';
import { putAccountsRight, spareAccounts } from './accountsConcerned.ts';
import { rewriteWaiting, storedPlans } from './mendMail.ts';
import { paceOf } from './pace.ts';
import { rewriteStakeholders } from './stakeholderMend.ts';
import { tellNewlyAffected } from './stakeholders.ts';
import { openSince } from './subscriberPace.ts';
import { putSubscribersRight } from './subscribersConcerned.ts';
import { type MailPlan, queueStream, releaseAfter } from './updateMail.ts';
import { isOpenToAll } from './updatePlan.ts';

/** Which components an incident touches, by all that it ever claimed and did not take back. */
export async function listTouchedBy(tx: Tx, { kind, seq }: Incident): Promise<string[]> {
  const claims = await listClaimsOfSource(tx, { kind, seq });
  return [...new Set(claims.map(({ componentId }) => componentId))];
}

/**
 * Fits what is told of an incident to the components that it turned out to touch: what waits to leave says so, spares those whom it does
 * not concern, and goes to those whom it does; accounts and subscribers that were told wrongly hear that it is not theirs; and who follows, or uses, one that was added and has heard nothing of it yet is told the
 * latest word, when what they chose and the policy say. A part of the transaction that corrects the components.
 * @param before what it touched until now, as listTouchedBy gives it
 * @returns how many are told besides
 */
export async function tellByComponents(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  before: readonly string[],
): Promise<number> {
  const now = ctx.now();
  const touched = await listTouchedBy(tx, incident);
  const isOpen = !isOver(incident.status);
  const added = isOpen ? touched.filter((id) => !before.includes(id)) : [];
  const concerned = await scopeOf(tx, touched);
  const waiting = await fitWaiting(tx, incident, { concerned, added: await scopeOf(tx, added) }, now);
  await spareAccounts(tx, incident, touched, now);
  if (waiting.length) await rewriteWaiting(tx, ctx, incident, { from: 0, now });
  await rewriteStakeholders(tx, ctx, incident.seq, { from: 0, now });
  if (!isOpen || !incident.publishedAt || !isOpenToAll(incident)) return 0;
  const said = (await listUpdates(tx, incident.seq)).filter(({ audience }) => audience === 'public');
  const latest = said[0];
  if (!latest) return 0;
  const putRight =
    (await putAccountsRight(tx, ctx, incident, { update: latest, before, touched })) +
    (await putSubscribersRight(tx, ctx, incident, concerned));
  if (!added.length || !said.some(({ notified }) => notified)) return putRight;
  const people = await tellSubscribers(tx, ctx, incident, { latest, added, waiting });
  return putRight + people + (await tellNewlyAffected(tx, ctx, incident.seq, { update: latest, added }));
}

async function scopeOf(tx: Tx, components: readonly string[]) {
  const groups = (await findComponents(tx, components)).flatMap(({ groupId }) => groupId ?? []);
  return { components, groups: [...new Set(groups)] };
}

/** To whom the incident is new it is told as an opening is: by what they chose, and as the policy says. */
async function tellSubscribers(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  { latest, added, waiting }: { latest: Update; added: readonly string[]; waiting: readonly Unfinished[] },
): Promise<number> {
  // What was stopped or dropped nobody else hears; whoever lets it go on lets it go to them as well.
  if (omitsOf(await listUnsaid(tx, incident.seq)).includes(latest.seq)) return 0;
  const now = ctx.now();
  const stored = (await storedPlans(tx, incident))(latest.seq);
  const kept = latest.nextUpdateBy && latest.nextUpdateBy > now ? latest.nextUpdateBy : null;
  const plan: MailPlan = { ...stored, update: { ...stored.update, nextUpdateBy: kept } };
  const { streams, digest } = planStreams({
    policy: incident.kind === 'maintenance' ? null : (await paceOf(tx, incident)).policy,
    kind: 'initial',
    statusChanged: false,
    severityChanged: false,
    windowChanged: false,
    asPlanned: false,
    openSince: openSince(plan),
    atOnce: releaseAfter({ page: plan.page, now }),
    lastLeft: null,
    waiting: null,
  });
  const { noticeSeqs } = await readToldSoFar(tx, incident.seq, now);
  const scope = { ...(await scopeOf(tx, added)), scopedOnly: true as const };
  const served = new Set(
    waiting.filter(({ corrects }) => !corrects).flatMap(({ filter }) => filter.modes ?? MODES),
  );
  const beside = [...noticeSeqs];
  const spared = await listSpared(tx, incident.seq);
  let people = 0;
  for (const { modes, releaseAt, wait } of streams) {
    const filter: FanoutFilter = {
      ...scope,
      modes: modes.filter((mode) => !served.has(mode)),
      beside,
      spared,
    };
    const expected = filter.modes?.length ? await countNamed(tx, filter) : 0;
    if (!expected) continue;
    const noticeId = ctx.newId();
    beside.push(
      await queueStream(tx, ctx, plan, {
        filter,
        releaseAt,
        wait,
        expected,
        noticeId,
        updateSeq: latest.seq,
      }),
    );
    people += expected;
  }
  await insertDigestItem(tx, {
    updateSeq: latest.seq,
    incidentSeq: incident.seq,
    at: now,
    filter: scope,
    modes: digest,
  });
  return people;
}
