import type { Glance } from '#domain/glance.ts';
import { STATUS_LABELS } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';

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
  /** Up to when this was so. */
  as_of: Instant;
};

/** At most so many are named; the link leads to the rest. */
const NAMED = 5;

export function glanceJson(glance: Glance, { siteUrl, now }: { siteUrl: string; now: Instant }): GlanceJson {
  return {
    kind: glance.kind,
    id: glance.id,
    name: glance.name,
    status: glance.status,
    label: glance.label,
    lead: glance.lead,
    text: glance.headline.text,
    url: siteUrl + glance.path,
    next_update_by: glance.headline.promise?.due ?? null,
    late: glance.headline.promise?.late ?? false,
    about: glance.headline.promise?.title ?? null,
    open: glance.open,
    also: glance.also.slice(0, NAMED).map((one) => ({
      title: titleWithScope(one.title, one.scope),
      status: STATUS_LABELS[one.status as keyof typeof STATUS_LABELS],
      url: `${siteUrl}/${one.kind === 'maintenance' ? 'maintenance' : 'incidents'}/${one.id}`,
      started_at: one.startedAt,
    })),
    as_of: now,
  };
}
