import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { insertAudit } from '#db/audit.ts';
import type { Db } from '#db/open.ts';
import { readStoredIncidents } from '#db/statuspageImport.ts';
import { AppError } from '#domain/errors.ts';
import type { Loose, Remark } from '#domain/statuspage.ts';
import { archiveComponent, deleteGroup, moveComponent } from '#services/components.ts';
import { importStatuspage } from '#services/statuspageImport.ts';
import { type TestCtx, testContext, userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { untidySource } from './statuspageImportFixture.ts';

const REAL = new URL('../../../shared/data/', import.meta.url);

function owner(db: Db): TestCtx {
  return testContext(db, { actor: userActor('owner') });
}

async function stored(db: Db, id: string) {
  const found = (await db.read((tx) => readStoredIncidents(tx, [id]))).get(id);
  if (!found) throw new Error(`${id} is not here`);
  return found;
}

function reasons(remarks: readonly Remark[], level: Remark['level']): string[] {
  return [...new Set(remarks.filter((remark) => remark.level === level).map((remark) => remark.reason))];
}

eachDatabase('importing another status page', (fresh) => {
  it('accounts for every record, and leaves nothing out in silence', async () => {
    const ctx = owner(await fresh());
    const report = await importStatuspage(ctx, untidySource());
    expect(report.incidents).toEqual({
      read: 11,
      imported: 9,
      changed: 0,
      unchanged: 0,
      left: 0,
      skipped: 2,
    });
    expect(report.updates).toEqual({ read: 17, imported: 15, changed: 0, unchanged: 0, left: 0, skipped: 2 });
    expect(report.components).toMatchObject({ read: 6, imported: 5, skipped: 1 });
    expect(report.groups).toMatchObject({ read: 1, imported: 1 });
    expect(report.maintenances).toBe(2);
    expect(reasons(report.remarks, 'skipped')).toEqual([
      'a component without a name',
      'not an update record',
      'the same update twice',
      'an incident with no time that can be read',
      'not an incident record',
    ]);
    expect(ctx.changes).toEqual(['page']);
  });

  it('keeps ids and times, and tells nobody', async () => {
    const ctx = owner(await fresh());
    await importStatuspage(ctx, untidySource());
    const { row, updates } = await stored(ctx.db, 'incmodern001');
    expect(row).toMatchObject({
      title: 'Search is slow & sometimes empty',
      severity: 'SEV2',
      status: 'resolved',
      impact_override: null,
      started_at: '2026-09-01T10:00:00.000Z',
      mitigated_at: '2026-09-01T10:40:00.000Z',
      resolved_at: '2026-09-01T11:00:00.000Z',
      updated_at: '2026-09-02T09:00:00.000Z',
      shortlink: 'https://stspg.example/a',
      source: 'import',
      has_cadence: 0,
      next_update_due: null,
    });
    expect(updates.map((u) => [u.id, u.kind, u.status, u.posted_at])).toEqual([
      ['updmodern001', 'initial', 'identified', '2026-09-01T10:05:00.000Z'],
      ['updmodern002', 'progress', 'identified', '2026-09-01T10:40:00.000Z'],
      ['updmodern003', 'resolution', 'resolved', '2026-09-01T11:00:00.000Z'],
    ]);
    expect(updates.map((u) => u.notified)).toEqual([0, 0, 0]);
    expect(updates[2]?.edited_at).toBe('2026-09-02T09:00:00.000Z');
    for (const table of ['notices', 'fanouts', 'deliveries'] as const)
      expect(await ctx.db.read((tx) => tx.selectFrom(table).selectAll().execute())).toEqual([]);
  });

  it('turns HTML into Markdown and keeps what only looks like formatting', async () => {
    const ctx = owner(await fresh());
    await importStatuspage(ctx, untidySource());
    const { updates } = await stored(ctx.db, 'incmodern001');
    expect(updates[1]?.body).toBe('Getting better.');
    expect(updates[2]?.body).toBe(
      'Fixed.\n\nRead [what happened](https://lighthouse.example/why): <0.1% of users saw refs/\\* and <1% more.',
    );
    expect((await stored(ctx.db, 'incbackdated')).updates[0]?.body).toBe('Resolved.');
  });

  it('rebuilds what each component went through from the updates', async () => {
    const ctx = owner(await fresh());
    await importStatuspage(ctx, untidySource());
    const { claims } = await stored(ctx.db, 'incmodern001');
    expect(claims.map((c) => [c.component_id, c.status, c.starts_at, c.ends_at])).toEqual([
      ['cmpsearch001', 'major_outage', '2026-09-01T10:05:00.000Z', '2026-09-01T10:40:00.000Z'],
      ['cmpsearch001', 'degraded_performance', '2026-09-01T10:40:00.000Z', '2026-09-01T11:00:00.000Z'],
      ['cmpcheckout1', 'operational', '2026-09-01T10:00:00.000Z', '2026-09-01T11:00:00.000Z'],
    ]);
    const open = (await stored(ctx.db, 'incstillopen')).claims;
    expect(open.map((c) => [c.component_id, c.status, c.ends_at])).toEqual([
      ['cmppayments1', 'partial_outage', null],
    ]);
  });

  it('finds components named in fragments, and archives one that nobody knows', async () => {
    const ctx = owner(await fresh());
    const report = await importStatuspage(ctx, untidySource());
    const { row, claims } = await stored(ctx.db, 'incoldone001');
    expect(row).toMatchObject({
      title: 'Trouble with search, checkout and payments',
      started_at: '2021-03-04T08:00:00.000Z',
    });
    const made = await ctx.db.read((tx) =>
      tx.selectFrom('components').selectAll().where('name', '=', 'Teleporter').executeTakeFirstOrThrow(),
    );
    expect(made.archived_at).not.toBeNull();
    expect(claims.map((c) => c.component_id).sort()).toEqual(
      ['cmpsearch001', 'cmpcheckout1', 'cmppayments1', made.id].sort(),
    );
    expect(new Set(claims.map((c) => `${c.status} ${c.starts_at} ${c.ends_at}`))).toEqual(
      new Set(['degraded_performance 2021-03-04T08:00:00.000Z 2021-03-04T09:00:00.000Z']),
    );
    const noted = report.remarks.filter((r) => r.level === 'noted').map((r) => r.subject);
    expect(noted).toContain('Payments');
    expect(noted).toContain('Visit www.lighthouse.example for more');
    expect(noted).toContain('Web & Hooks (partial_outage)');
    expect(noted.some((subject) => subject.startsWith('Teleporter'))).toBe(true);
  });

  it('closes what was left open, says so, and keeps it open when asked', async () => {
    const ctx = owner(await fresh());
    const report = await importStatuspage(ctx, untidySource());
    const minute = await stored(ctx.db, 'incminute001');
    expect(minute.row).toMatchObject({
      severity: 'SEV1',
      status: 'resolved',
      resolved_at: '2022-05-01T11:00:00.000Z',
    });
    expect(minute.updates.map((u) => u.kind)).toEqual(['initial', 'progress', 'resolution']);
    expect((await stored(ctx.db, 'incforgotten')).row).toMatchObject({
      kind: 'maintenance',
      status: 'completed',
      resolved_at: '2022-03-24T16:00:00.000Z',
    });
    expect(report.remarks.filter((r) => r.subject.startsWith('incforgotten')).map((r) => r.level)).toContain(
      'noted',
    );
    expect((await stored(ctx.db, 'incstillopen')).row).toMatchObject({
      status: 'monitoring',
      resolved_at: null,
    });

    const kept = owner(await fresh());
    await importStatuspage(kept, untidySource(), { keepOpen: true });
    expect((await stored(kept.db, 'incforgotten')).row).toMatchObject({
      kind: 'maintenance',
      status: 'in_progress',
      resolved_at: null,
    });
  });

  it('mends strange times, statuses and ids', async () => {
    const ctx = owner(await fresh());
    const report = await importStatuspage(ctx, untidySource());
    expect((await stored(ctx.db, 'incbackdated')).row).toMatchObject({
      started_at: '2026-01-10T11:00:00.000Z',
      resolved_at: '2026-01-10T11:00:00.000Z',
    });
    const strange = await stored(ctx.db, 'incstrange01');
    expect(strange.row).toMatchObject({ severity: 'SEV4', resolved_at: '2024-01-01T01:00:00.000Z' });
    expect(strange.updates.map((u) => u.status)).toEqual(['investigating', 'resolved']);
    const ids = await ctx.db.read((tx) => tx.selectFrom('incidents').select(['id', 'title']).execute());
    expect(ids.find((row) => row.title === 'Odd id')?.id).toMatch(/^[a-z0-9]{12}$/);
    const updateIds = await ctx.db.read((tx) => tx.selectFrom('updates').select('id').execute());
    expect(new Set(updateIds.map((row) => row.id)).size).toBe(15);
    expect(reasons(report.remarks, 'noted')).toContain('no impact that is known; imported as none (SEV4)');
    const planned = await stored(ctx.db, 'mntplanned01');
    expect(planned.row).toMatchObject({
      kind: 'maintenance',
      status: 'scheduled',
      started_at: '2026-10-10T02:00:00.000Z',
      scheduled_until: '2026-10-10T04:00:00.000Z',
      resolved_at: null,
    });
    expect(planned.claims.map((c) => [c.component_id, c.status, c.starts_at, c.ends_at])).toEqual([
      ['cmppayments1', 'under_maintenance', '2026-10-10T02:00:00.000Z', null],
    ]);
  });

  it('mends an end in a wrong year where the meaning is certain, and says so of one that is only late', async () => {
    const ctx = owner(await fresh());
    const source = untidySource();
    const old = source.incidents.find((one) => (one as { id?: string }).id === 'incoldone001') as Loose;
    const late = { ...old, id: 'inclate00001', resolved_at: '2025-03-04T09:01:00.000Z' };
    old.resolved_at = '2025-03-04T09:00:00.000Z';
    const report = await importStatuspage(ctx, { ...source, incidents: [...source.incidents, late] });
    const mended = await stored(ctx.db, 'incoldone001');
    expect(mended.row.resolved_at).toBe('2021-03-04T09:00:00.000Z');
    expect(mended.claims.length).toBeGreaterThan(0);
    expect(mended.claims.every(({ ends_at }) => ends_at === '2021-03-04T09:00:00.000Z')).toBe(true);
    expect((await stored(ctx.db, 'inclate00001')).row.resolved_at).toBe('2025-03-04T09:01:00.000Z');
    const said = (id: string) =>
      report.remarks.filter(({ subject, reason }) => subject.startsWith(id) && /end/.test(reason));
    expect(said('incoldone001')).toMatchObject([
      { level: 'mended', reason: expect.stringContaining('in a later year') },
    ]);
    expect(said('inclate00001')).toMatchObject([
      { level: 'noted', reason: expect.stringContaining('imported as written') },
    ]);
  });

  it('changes nothing the second time', async () => {
    const ctx = owner(await fresh());
    await importStatuspage(ctx, untidySource());
    const before = await snapshot(ctx.db);
    ctx.clock.advance(86_400_000);
    ctx.changes.length = 0;
    const report = await importStatuspage(ctx, untidySource());
    expect(await snapshot(ctx.db)).toEqual(before);
    for (const counts of [report.groups, report.components, report.incidents, report.updates])
      expect([counts.imported, counts.changed]).toEqual([0, 0]);
    expect(report.incidents.unchanged).toBe(9);
    expect(ctx.changes).toEqual([]);
  });

  it('takes over what changed in the source, and nothing else', async () => {
    const ctx = owner(await fresh());
    await importStatuspage(ctx, untidySource());
    const source = untidySource();
    const open = source.incidents.find((i) => (i as { id: string }).id === 'incstillopen') as Record<
      string,
      unknown
    > & { incident_updates: object[] };
    open.status = 'resolved';
    open.resolved_at = '2026-09-30T22:00:00.000Z';
    open.incident_updates.push({
      id: 'updopen00002',
      status: 'resolved',
      body: 'All payments work.',
      created_at: '2026-09-30T22:00:00.000Z',
    });
    const report = await importStatuspage(ctx, source);
    expect(report.incidents).toMatchObject({ imported: 0, changed: 1, unchanged: 8 });
    expect(report.updates).toMatchObject({ imported: 1, changed: 0 });
    const { row, claims, updates } = await stored(ctx.db, 'incstillopen');
    expect(row).toMatchObject({ status: 'resolved', version: 2 });
    expect(updates).toHaveLength(2);
    expect(claims.map((c) => c.ends_at)).toEqual(['2026-09-30T22:00:00.000Z']);
  });

  it('leaves alone what someone has changed here since, and says so', async () => {
    const ctx = owner(await fresh());
    await importStatuspage(ctx, untidySource());
    await ctx.db.write((tx) =>
      insertAudit(tx, ctx, {
        action: 'incident.title',
        subjectKind: 'incident',
        subjectId: 'incmodern001',
      }),
    );
    const source = untidySource();
    (source.incidents[0] as { name: string }).name = 'Another title';
    const report = await importStatuspage(ctx, source);
    expect(report.incidents).toMatchObject({ changed: 0, left: 1 });
    expect((await stored(ctx.db, 'incmodern001')).row.title).toBe('Search is slow & sometimes empty');
    expect(reasons(report.remarks, 'noted')).toContain('changed here since it was imported; left as it is');
  });

  it('keeps the order of the page, a deleted group and an archived component as someone here left them', async () => {
    const ctx = owner(await fresh());
    await importStatuspage(ctx, untidySource());
    await moveComponent(ctx, 'cmpcheckout1', 'up');
    await archiveComponent(ctx, 'cmpsignpost1');
    await deleteGroup(ctx, 'grpgrpgrpgrp');
    const before = await snapshot(ctx.db);
    const report = await importStatuspage(ctx, untidySource());
    expect(await snapshot(ctx.db)).toEqual(before);
    expect(report.components).toMatchObject({ imported: 0, changed: 0, left: 2 });
    expect(report.groups).toMatchObject({ imported: 0, changed: 0, left: 1 });
  });

  it('is for owners', async () => {
    const ctx = testContext(await fresh(), { actor: userActor('comms') });
    await expect(importStatuspage(ctx, untidySource())).rejects.toThrow(AppError);
  });

  const there = existsSync(REAL);
  it.skipIf(!there)(
    there
      ? 'imports a large real page whole: 705 of 705 incidents, 3,671 of 3,671 updates, then 0 changes'
      : 'a large real page: NOT RUN, because ../shared/data is not beside this checkout',
    async () => {
      const read = (name: string) => JSON.parse(readFileSync(new URL(name, REAL), 'utf8'));
      const source = {
        ...read('github-incidents-2020-2025.json'),
        components: read('github-components.json').components,
      };
      const ctx = owner(await fresh());
      const report = await importStatuspage(ctx, source);
      expect(report.incidents).toMatchObject({ read: 705, imported: 705, skipped: 0 });
      expect(report.updates).toMatchObject({ read: 3671, imported: 3671, skipped: 0 });
      expect(report.components).toMatchObject({ read: 12, imported: 12 });
      expect(report.maintenances).toBe(3);
      // 39 of its ends are written in the year of the export.
      expect(report.remarks.filter(({ reason }) => reason.startsWith('an end in a later year'))).toHaveLength(
        39,
      );
      expect(report.remarks.filter(({ reason }) => reason.includes('imported as written'))).toEqual([]);
      const { open } = await ctx.db.read((tx) =>
        tx
          .selectFrom('incidents')
          .select((eb) => eb.fn.countAll<number>().as('open'))
          .where('resolved_at', 'is', null)
          .executeTakeFirstOrThrow(),
      );
      expect(Number(open)).toBe(0);
      const again = await importStatuspage(ctx, source);
      expect(again.incidents).toMatchObject({ imported: 0, changed: 0, unchanged: 705 });
      expect(again.updates).toMatchObject({ imported: 0, changed: 0, unchanged: 3671 });
    },
  );
});

async function snapshot(db: Db) {
  return db.read(async (tx) => ({
    groups: await tx.selectFrom('component_groups').selectAll().orderBy('id').execute(),
    components: await tx.selectFrom('components').selectAll().orderBy('id').execute(),
    incidents: await tx.selectFrom('incidents').selectAll().orderBy('seq').execute(),
    updates: await tx.selectFrom('updates').selectAll().orderBy('seq').execute(),
    claims: await tx.selectFrom('claims').selectAll().orderBy('seq').execute(),
    audit: await tx.selectFrom('audit').selectAll().orderBy('seq').execute(),
  }));
}
