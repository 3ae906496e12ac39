import type { Glance } from '#domain/glance.ts';
import { type PromiseMessages, promiseMessage } from '#domain/headline.ts';
import { pathOf } from '#domain/publicIncident.ts';
import type { AnyStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import { aroundTime } from '#domain/words.ts';

/** What `<foghorn-status>` reads. Addresses are absolute: it stands on another site's page. Times are ISO 8601 in UTC. */
export type GlanceJson = {
  kind: Glance['kind'];
  id: string | null;
  name: string;
  status: Glance['status'];
  label: string;
  /** What comes before the text; null where that says it itself. */
  lead: string | null;
  text: string;
  url: string;
  /** When the next public update is promised; null when none is. */
  next_update_by: Instant | null;
  /** That time has passed, and work goes on. */
  late: boolean;
  /** The title of what the promise is on, where the text is about something else. */
  about: string | null;
  /** How many incidents and maintenances are open: one may leave the status as it is. */
  open: number;
  also: { title: string; status: string; url: string; started_at: Instant }[];
  /** The language that all this is in, which way it runs, and what Intl is asked for in it. */
  lang: string;
  dir: 'ltr' | 'rtl';
  tag: string;
  /** The languages that there are: the same is at /LANG/embed/… in each but the first, whose addresses have no language. */
  languages: readonly string[];
  /** What stands before and after a time: that of the promise (null when there is none), and that up to which something was known. */
  words: { next: Around | null; as_of: Around };
  /** Up to when this was so. */
  as_of: Instant;
};

type Around = [before: string, after: string];

/** How a language says it. */
export type GlanceSpeech = Pick<GlanceJson, 'lang' | 'dir' | 'tag' | 'languages'> & {
  statuses: Readonly<Record<AnyStatus, string>>;
  promise: PromiseMessages;
  /** A message with the place {time}. */
  asOf: string;
  /** A page's path in it. */
  to: (path: string) => string;
};

/** At most so many are named; the link leads to the rest. */
const NAMED = 5;

export function glanceJson(
  glance: Glance,
  { siteUrl, now, speech }: { siteUrl: string; now: Instant; speech: GlanceSpeech },
): GlanceJson {
  const { lang, dir, tag, languages, to } = speech;
  const { promise } = glance.headline;
  return {
    kind: glance.kind,
    id: glance.id,
    name: glance.name,
    status: glance.status,
    label: glance.label,
    lead: glance.lead,
    text: glance.headline.text,
    url: siteUrl + to(glance.path),
    next_update_by: promise?.due ?? null,
    late: promise?.late ?? false,
    about: promise?.title ?? null,
    open: glance.open,
    also: glance.also.slice(0, NAMED).map((one) => ({
      title: titleWithScope(one.title, one.scope),
      status: speech.statuses[one.status as AnyStatus],
      url: siteUrl + to(pathOf(one)),
      started_at: one.startedAt,
    })),
    ...{ lang, dir, tag, languages },
    words: {
      next: promise && aroundTime(promiseMessage(promise, speech.promise), { title: promise.title ?? '' }),
      as_of: aroundTime(speech.asOf),
    },
    as_of: now,
  };
}
