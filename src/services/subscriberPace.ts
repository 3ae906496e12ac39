import { insertDigestItem, listItemsOfIncident } from '#db/digestItems.ts';
import type { FanoutFilter } from '#db/fanouts.ts';
import type { Tx } from '#db/open.ts';
import { countReach, countScoped } from '#db/reach.ts';
import { listens, readToldSoFar, type ToldSoFar } from '#db/streams.ts';
import { listUnfinished, type Unfinished } from '#db/unfinished.ts';
import { type Mode, type News, planStreams, type Stream } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';
import { paceOf } from './pace.ts';
import type { MailPlan } from './updateMail.ts';

/** One mail of an update: to whom, when, and how many they are for now. */
export type PlannedStream = Pick<Stream, 'releaseAt' | 'wait'> & { filter: FanoutFilter; expected: number };

export type PlannedStreams = {
  streams: PlannedStream[];
  /** Who finds it in the digest. */
  digest: Mode[];
};

/**
 * Splits the people whom an update concerns by when they are told of it: what they chose, and what the policy of its severity says.
 * @param atOnce when the release window ends
 */
export async function planUpdateStreams(
  tx: Tx,
  plan: MailPlan,
  audience: FanoutFilter,
  atOnce: Instant,
): Promise<PlannedStreams> {
  const { incident, update, earlier, changes, now } = plan;
  const before = earlier[0];
  const told = await readToldSoFar(tx, incident.seq, now);
  const { streams, digest } = planStreams({
    policy:
      incident.kind === 'maintenance'
        ? null
        : (await paceOf(tx, { ...incident, severity: update.severity })).policy,
    kind: newsKind(update.kind),
    statusChanged: before !== undefined && before.status !== update.status,
    severityChanged: before !== undefined && before.severity !== update.severity,
    windowChanged: changes.scheduledFor !== undefined || changes.scheduledUntil !== undefined,
    asPlanned: plan.asPlanned ?? false,
    openSince: openSince(plan),
    atOnce,
    lastLeft: told.lastLeft,
    waiting: waitingOf(await listUnfinished(tx, incident.seq, 'subscribers'), now),
  });
  const toldOf = turns(update.kind) ? beyond(told.of, audience) : null;
  const planned: PlannedStream[] = [];
  for (const { modes, toldModes, releaseAt, wait } of streams) {
    const filter = {
      components: audience.components,
      groups: audience.groups,
      modes,
      ...(toldModes.length && { toldModes }),
      ...(toldOf && { toldOf }),
      ...((toldModes.length || toldOf) && { toldBy: told.noticeSeqs }),
    };
    // How many of them were told before is not worth a count while others wait to write.
    const perhaps = toldModes.length
      ? Math.min(told.most, await countReach(tx, { ...filter, modes: toldModes }))
      : 0;
    const once = toldOf ? Math.min(told.most, await countScoped(tx, { ...toldOf, modes })) : 0;
    planned.push({ filter, releaseAt, wait, expected: (await countReach(tx, filter)) + perhaps + once });
  }
  // What leaves later is for those who are there by now: if there are none, nobody waits for anything.
  return { streams: planned.filter(({ expected }, index) => index === 0 || expected > 0), digest };
}

/** How it ends, and that it does not, concerns everyone who was told of it, though it turned out never to have touched what they follow. */
function turns(kind: MailPlan['update']['kind']): boolean {
  return kind === 'resolution' || kind === 'reopening';
}

function beyond(of: ToldSoFar['of'], audience: FanoutFilter): NonNullable<FanoutFilter['toldOf']> | null {
  const components = of.components.filter((id) => !audience.components.includes(id));
  const groups = of.groups.filter((id) => !audience.groups.includes(id));
  return components.length + groups.length ? { components, groups } : null;
}

/** Notes that people were told of an update, for those who are told once a day. */
export async function noteForDigest(
  tx: Tx,
  { incident, update, now }: MailPlan,
  { updateSeq, audience, modes }: { updateSeq: number; audience: FanoutFilter; modes: readonly Mode[] },
): Promise<void> {
  const before = turns(update.kind)
    ? await listItemsOfIncident(tx, { seq: incident.seq, since: incident.declaredAt })
    : [];
  const told = before[0] && { items: before.map(({ seq }) => seq), since: before[0].at };
  await insertDigestItem(tx, {
    updateSeq,
    incidentSeq: incident.seq,
    at: now,
    filter: { components: audience.components, groups: audience.groups, ...(told && { told }) },
    modes,
  });
}

function newsKind(kind: MailPlan['update']['kind']): News['kind'] {
  // An internal update is told to nobody here; that a window has changed is said beside.
  return kind === 'internal' || kind === 'moved' || kind === 'newEnd' ? 'progress' : kind;
}

/** Its declaration, or its last reopening: since then it has been open without a break. */
export function openSince({ incident, update, earlier, now }: MailPlan): Instant {
  if (update.kind === 'reopening') return now;
  return earlier.find(({ kind }) => kind === 'reopening')?.postedAt ?? incident.declaredAt;
}

/** The mail to those who go by the policy that has not left and whose place the next one takes. */
function waitingOf(open: readonly Unfinished[], now: Instant): Parameters<typeof planStreams>[0]['waiting'] {
  const [next] = open
    .filter(
      ({ mends, corrects, filter, releaseAt, stoppedAt }) =>
        !mends &&
        !corrects &&
        !stoppedAt &&
        !filter.scopedOnly &&
        releaseAt > now &&
        listens(filter, 'policy'),
    )
    .sort((a, b) => (a.releaseAt < b.releaseAt ? -1 : 1));
  return next ? { until: next.releaseAt, wait: next.wait } : null;
}
