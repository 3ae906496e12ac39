import type { CadencePolicy } from './severity.ts';
import { addMs, DAY, durationText, type Instant, MINUTE, msBetween, whenText } from './time.ts';

/**
 * What a subscriber chose to hear: what the severity's policy says, every update at once, the opening, a change of severity and the
 * end, or all of it once a day.
 */
export const MODES = ['policy', 'everything', 'important', 'digest'] as const;
export type Mode = (typeof MODES)[number];

/** What is said of them where someone chooses. A webhook or chat has no digest. */
export const MODE_WORDS: Record<Mode, { label: string; hint: string }> = {
  policy: { label: 'As it matters', hint: 'The more serious, the sooner and the more often.' },
  everything: { label: 'Every update', hint: 'At once, each of them.' },
  important: {
    label: 'The important ones',
    hint: 'When it begins, when it turns out more or less serious, and when it is over.',
  },
  digest: { label: 'Once a day', hint: 'One mail with all that happened; none when nothing did.' },
};

/** Whether there may be something for them in a digest. */
export function readsDigests(mode: Mode): boolean {
  return mode === 'digest' || mode === 'policy';
}

/** What was told longer ago is no news any more: digests of a process that was down for weeks begin anew. */
export const DIGEST_REACH = 14 * DAY;

/** An update about to be told. */
export type News = {
  /** null for planned work: it has no severity, and nothing of it waits. */
  policy: Pick<
    CadencePolicy,
    'subscriberOpeningAfter' | 'subscriberUpdateEvery' | 'subscriberStatusAtOnce'
  > | null;
  kind: 'initial' | 'progress' | 'holding' | 'resolution' | 'reopening' | 'postmortem' | 'correction';
  statusChanged: boolean;
  severityChanged: boolean;
  /** Planned work takes place at another time, or for longer. */
  windowChanged: boolean;
  /** Planned work began or ended when it was to: who heard that it would need not hear that it did. */
  asPlanned: boolean;
  /** Since when the incident has been open: its declaration, or its last reopening. */
  openSince: Instant;
  /** When its mail may leave at the earliest: now, after the release window. */
  atOnce: Instant;
  /** When the last mail of this incident left to those who go by the policy; null when none has. */
  lastLeft: Instant | null;
  /** When mail to them leaves whose place this one takes; null when none waits. */
  waiting: { until: Instant; wait: Wait | null } | null;
};

/** Why mail leaves later than at once: the incident must have been open for a while, or other mail left a short while ago. */
export type Wait = { for: 'opening' | 'interval'; since: Instant };

/** "because the last mail left at 16:10 UTC", "because it was opened at 16:10 UTC and must be open for 30 minutes first". */
export function waitWords(wait: Wait, until: Instant, { zone, now }: { zone: string; now: Instant }): string {
  const since = whenText(wait.since, zone, now);
  if (wait.for === 'interval') return `because the last mail left at ${since}`;
  return `if it is still open then: it is told once it has been open for ${durationText(msBetween(wait.since, until))}`;
}

/** Until when another policy has the same mail wait; null where it tells of it in the digest alone. */
export function waitUnder(
  { subscriberOpeningAfter, subscriberUpdateEvery }: NonNullable<News['policy']>,
  wait: Wait,
): Instant | null {
  if (wait.for === 'interval') return addMs(wait.since, subscriberUpdateEvery * MINUTE);
  return subscriberOpeningAfter === 'digest' ? null : addMs(wait.since, subscriberOpeningAfter * MINUTE);
}

/** One mail of an update: to whom, and when it leaves. */
export type Stream = {
  modes: Mode[];
  /** These only if they had mail of the incident before. */
  toldModes: Mode[];
  releaseAt: Instant;
  /** null when it leaves at once. */
  wait: Wait | null;
};

/**
 * Who hears of an update by mail and when; everyone else finds it in the digest: `digest` says who looks for it there. Never two
 * streams with one mode. The first one leaves at once.
 */
export function planStreams(news: News): { streams: Stream[]; digest: Mode[] } {
  if (news.asPlanned) return { streams: [toThoseWhoWantAll(news)], digest: ['digest'] };
  const first = toThoseWhoWantAll(news);
  if (isImportant(news)) first.modes.push('important');
  else if (news.kind === 'correction') first.toldModes.push('important');
  const paced = byPolicy(news);
  if (paced.to === 'all' && paced.releaseAt <= news.atOnce) first.modes.push('policy');
  if (paced.to === 'told') first.toldModes.push('policy');
  const streams = [first];
  if (paced.to === 'all' && paced.releaseAt > news.atOnce)
    streams.push({ modes: ['policy'], toldModes: [], releaseAt: paced.releaseAt, wait: paced.wait });
  const inDigest = news.policy?.subscriberOpeningAfter === 'digest';
  return { streams, digest: inDigest ? ['digest', 'policy'] : ['digest'] };
}

function toThoseWhoWantAll({ atOnce }: News): Stream {
  return { modes: ['everything'], toldModes: [], releaseAt: atOnce, wait: null };
}

function isImportant({ kind, severityChanged, windowChanged }: News): boolean {
  return (
    severityChanged || windowChanged || kind === 'initial' || kind === 'resolution' || kind === 'reopening'
  );
}

type Paced = { to: 'all'; releaseAt: Instant; wait: Wait | null } | { to: 'told' } | { to: 'nobody' };

function byPolicy(news: News): Paced {
  const { policy, kind, severityChanged, statusChanged, atOnce, lastLeft, openSince } = news;
  const now: Paced = { to: 'all', releaseAt: atOnce, wait: null };
  if (!policy) return now;
  const after = policy.subscriberOpeningAfter;
  const ends = kind === 'resolution' || kind === 'postmortem';
  if (kind === 'correction') return { to: 'told' };
  if (after === 'digest')
    return ends || severityChanged || kind === 'reopening' ? { to: 'told' } : { to: 'nobody' };
  // Who never heard that it began need not hear that it is over.
  if (ends) return after === 0 ? now : { to: 'told' };
  if (lastLeft === null)
    return later(news, { for: 'opening', since: openSince }, addMs(openSince, after * MINUTE));
  if (severityChanged || kind === 'reopening' || (statusChanged && policy.subscriberStatusAtOnce)) return now;
  return later(
    news,
    { for: 'interval', since: lastLeft },
    addMs(lastLeft, policy.subscriberUpdateEvery * MINUTE),
  );
}

/** Not before `at`, but never later than what it takes the place of. */
function later({ atOnce, waiting }: News, wait: Wait, at: Instant): Paced {
  const sooner = waiting && waiting.until < at ? waiting : { until: at, wait };
  if (sooner.until <= atOnce) return { to: 'all', releaseAt: atOnce, wait: null };
  return { to: 'all', releaseAt: sooner.until, wait: sooner.wait };
}
