import { type Approval, lastApproval } from '#db/approvals.ts';
import { listClaimsOfSource } from '#db/claims.ts';
import { findComponents } from '#db/components.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { listUpdates } from '#db/updates.ts';
import type { Reader } from '#db/visible.ts';
import { COMPONENT_STATUS_LABELS, type ComponentStatus, STATUS_LABELS } from '#domain/status.ts';
import type { PostInput } from './postUpdate.ts';

/** How an incident stands in public: a text that was written for one standing is not published into another. */
export type Standing = {
  title: string;
  status: string;
  severity: string;
  isPublic: boolean;
  /** The seq of the last public update; null before the first. */
  lastPublic: number | null;
  /** What it claims of components, by their ids. Left out in what was asked for before this was looked at. */
  components?: Record<string, ComponentStatus>;
};

export async function standingOf(tx: Tx, incident: Incident, reader: Reader): Promise<Standing> {
  const updates = await listUpdates(tx, incident.seq, reader);
  return {
    title: incident.title,
    status: incident.status,
    severity: incident.severity,
    isPublic: incident.publishedAt !== null && !incident.restricted,
    lastPublic: updates.find(({ audience }) => audience === 'public')?.seq ?? null,
    components: await claimedBy(tx, incident),
  };
}

async function claimedBy(tx: Tx, { kind, seq }: Incident): Promise<Record<string, ComponentStatus>> {
  const claims = await listClaimsOfSource(tx, { kind, seq });
  return Object.fromEntries(
    claims.filter(({ endsAt }) => endsAt === null).map(({ componentId, status }) => [componentId, status]),
  );
}

/**
 * What changed since an update was written that waits: it cannot be published as it is. Null while it still fits.
 * @param reader who may know of the incident
 */
export async function changeSince(
  tx: Tx,
  { standing, input }: Pick<Approval, 'standing' | 'input'>,
  incident: Incident,
  reader: Reader,
): Promise<string | null> {
  const before = JSON.parse(standing) as Standing;
  const now = await standingOf(tx, incident, reader);
  return (
    [
      now.lastPublic !== before.lastPublic && 'another update was posted',
      now.title !== before.title && 'the title was changed',
      now.severity !== before.severity && `the severity became ${now.severity}`,
      now.status !== before.status && `it became ${STATUS_LABELS[incident.status].toLowerCase()}`,
      now.isPublic !== before.isPublic && 'it was published',
    ].find((one) => one !== false) ??
    (await componentChange(tx, before.components, now.components ?? {}, JSON.parse(input) as PostInput))
  );
}

/** The first component of which something else is said now, or that the text names and is no more. */
async function componentChange(
  tx: Tx,
  before: Standing['components'],
  now: Record<string, ComponentStatus>,
  { components }: Pick<PostInput, 'components'>,
): Promise<string | null> {
  const named = components.map(({ id }) => id);
  const ids = [...new Set([...Object.keys(before ?? {}), ...Object.keys(now), ...named])];
  for (const { id, name, archivedAt } of await findComponents(tx, ids)) {
    const [was, is] = [before?.[id], now[id]];
    if (archivedAt && named.includes(id)) return `${name} was archived`;
    if (before === undefined || was === is) continue;
    if (!is) return `${name} was taken off`;
    return was ? `${name} became ${COMPONENT_STATUS_LABELS[is].toLowerCase()}` : `${name} was added`;
  }
  return null;
}

/** The newest that waits and could be published as it is; null when none does. */
export async function findFitting(tx: Tx, incident: Incident, reader: Reader): Promise<Approval | null> {
  const last = await lastApproval(tx, incident.seq, reader);
  if (last?.state !== 'waiting') return null;
  return (await changeSince(tx, last, incident, reader)) ? null : last;
}
