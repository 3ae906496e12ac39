import type { Db } from '#db/open.ts';
import type { NewRow } from '#db/schema.ts';
import type { AnyStatus, ComponentStatus } from '#domain/status.ts';
import { isOver } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';

/**
 * Rows for tests, one a call, as the services would leave them: an incident is public unless told otherwise. Everything that is
 * not the point of a test has a believable default.
 */
export const LONG_AGO: Instant = '2026-01-01T00:00:00.000Z';

let count = 0;
const nextId = (prefix: string) => `${prefix}${(++count).toString(36).padStart(12 - prefix.length, '0')}`;

export async function makePage(db: Db, changes: Partial<NewRow<'page'>> = {}): Promise<void> {
  const row = {
    id: 1,
    public_id: 'harbourpage1',
    name: 'Harbour',
    time_zone: 'UTC',
    version: 1,
    updated_at: LONG_AGO,
    uptime_weight: 0.3,
    // Mail leaves at once, unless the wait is the point of a test.
    settings: '{"releaseSeconds":0}',
    bumped_until: LONG_AGO,
    ...changes,
  };
  await db.write(async (tx) => {
    await tx.deleteFrom('page').execute();
    await tx.insertInto('page').values(row).execute();
  });
}

/** Only this one user sees the incident from now on. They come to be if there is no such user. */
export async function restrictTo(db: Db, incidentId: string, { id, role }: { id: string; role: string }) {
  await db.write(async (tx) => {
    await tx
      .insertInto('users')
      .values({
        id,
        email: `${id}@example.com`,
        name: id,
        role: role as 'comms',
        password_hash: '!',
        created_at: LONG_AGO,
        disabled_at: null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const { seq } = await tx
      .updateTable('incidents')
      .set({ restricted: 1 })
      .where('id', '=', incidentId)
      .returning('seq')
      .executeTakeFirstOrThrow();
    await tx
      .insertInto('incident_viewers')
      .values({ incident_seq: seq, user_id: id, added_at: LONG_AGO, added_label: 'test' })
      .execute();
  });
}

/** How long a post's mail waits from now on. */
export async function setReleaseSeconds(db: Db, seconds: number): Promise<void> {
  await db.write((tx) =>
    tx
      .updateTable('page')
      .set({ settings: JSON.stringify({ releaseSeconds: seconds }) })
      .execute(),
  );
}

export async function makeGroup(
  db: Db,
  changes: Partial<NewRow<'component_groups'>> = {},
): Promise<{ id: string }> {
  const id = changes.id ?? nextId('grp');
  await db.write((tx) =>
    tx
      .insertInto('component_groups')
      .values({
        id,
        name: 'Shop',
        description: null,
        position: 1,
        created_at: LONG_AGO,
        updated_at: LONG_AGO,
        ...changes,
      })
      .execute(),
  );
  return { id };
}

export async function makeComponent(
  db: Db,
  changes: Partial<NewRow<'components'>> = {},
): Promise<{ id: string }> {
  const id = changes.id ?? nextId('cmp');
  await db.write((tx) =>
    tx
      .insertInto('components')
      .values({
        id,
        group_id: null,
        name: 'Checkout',
        description: null,
        position: 1,
        showcase: 1,
        only_show_if_degraded: 0,
        start_date: null,
        created_at: LONG_AGO,
        updated_at: LONG_AGO,
        archived_at: null,
        ...changes,
      })
      .execute(),
  );
  return { id };
}

/** Open and published at its start, unless told otherwise. */
export async function makeIncident(
  db: Db,
  changes: Partial<NewRow<'incidents'>> = {},
): Promise<{ id: string; seq: number }> {
  const id = changes.id ?? nextId('inc');
  const startedAt = changes.started_at ?? '2026-11-20T13:15:00.000Z';
  const status = changes.status ?? (changes.kind === 'maintenance' ? 'scheduled' : 'investigating');
  const row = await db.write((tx) =>
    tx
      .insertInto('incidents')
      .values({
        id,
        kind: 'incident',
        title: 'Checkout is failing for some customers',
        severity: 'SEV1',
        status,
        impact_override: null,
        scope: null,
        started_at: startedAt,
        detected_at: null,
        declared_at: startedAt,
        published_at: startedAt,
        mitigated_at: null,
        resolved_at: isOver(status) ? (changes.updated_at ?? startedAt) : null,
        scheduled_for: null,
        scheduled_until: null,
        next_update_due: null,
        internal_due: null,
        has_cadence: 1,
        restricted: 0,
        drill: 0,
        source: 'own',
        shortlink: null,
        version: 1,
        created_at: startedAt,
        updated_at: startedAt,
        ...changes,
      })
      .returning(['id', 'seq'])
      .executeTakeFirstOrThrow(),
  );
  return row;
}

export async function makeUpdate(
  db: Db,
  incidentSeq: number,
  changes: Partial<NewRow<'updates'>> = {},
): Promise<{ id: string; seq: number }> {
  const id = changes.id ?? nextId('upd');
  const postedAt = changes.posted_at ?? '2026-11-20T13:19:00.000Z';
  const status: AnyStatus = changes.status ?? 'investigating';
  return db.write((tx) =>
    tx
      .insertInto('updates')
      .values({
        id,
        incident_seq: incidentSeq,
        source_id: null,
        audience: 'public',
        kind: 'progress',
        status,
        severity: 'SEV1',
        body: 'Some customers see an error when paying by card. We are looking into it.',
        scope: null,
        affected: null,
        workaround: null,
        estimate: null,
        next_update_by: null,
        was_due_at: null,
        posted_at: postedAt,
        created_at: postedAt,
        updated_at: postedAt,
        edited_at: null,
        author_label: 'Ada',
        component_changes: '[]',
        notified: 0,
        ...changes,
      })
      .returning(['id', 'seq'])
      .executeTakeFirstOrThrow(),
  );
}

/** An open claim of an incident; `source_kind: 'manual'` with `source_seq: 0` for a manual setting. */
export async function makeClaim(
  db: Db,
  claim: { component_id: string; source_seq: number; status: ComponentStatus } & Partial<NewRow<'claims'>>,
): Promise<void> {
  await db.write((tx) =>
    tx
      .insertInto('claims')
      .values({
        source_kind: 'incident',
        starts_at: '2026-11-20T13:15:00.000Z',
        ends_at: null,
        recorded_at: '2026-11-20T13:15:00.000Z',
        recorded_by: 'Ada',
        voided_at: null,
        ...claim,
      })
      .execute(),
  );
}
