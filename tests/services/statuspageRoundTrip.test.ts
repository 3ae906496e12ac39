import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { ensurePage } from '#db/page.ts';
import { listLatest, listPublicComponents } from '#db/publicPage.ts';
import { addMs, DAY, HOUR } from '#domain/time.ts';
import { componentsJson, incidentsJson, maintenancesJson } from '#formats/statuspage.ts';
import { archiveComponent } from '#services/components.ts';
import { changeTitle } from '#services/incidentCorrections.ts';
import { declareIncident, getIncident, type PostInput, postUpdate } from '#services/incidents.ts';
import { cancelMaintenance, scheduleMaintenance, startMaintenance } from '#services/maintenance.ts';
import { getApiSnapshot } from '#services/publicApi.ts';
import { assembleIncidents } from '#services/publicIncidents.ts';
import { importStatuspage } from '#services/statuspageImport.ts';
import { type TestCtx, testClock, testContext, userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeComponent, makeIncident, makePage, makeUpdate } from '../support/factory.ts';
import { makeHarbour } from '../support/harbour.ts';
import { NASTY } from '../support/nasty.ts';
import { COMPONENTS, contradictions, INCIDENTS, MAINTENANCES } from '../support/statuspageSchema.ts';
import { untidySource } from './statuspageImportFixture.ts';

const NOW = '2026-11-20T15:06:00.000Z';
const REAL = new URL('../../../shared/data/', import.meta.url);

function owner(db: Db): TestCtx {
  return testContext(db, { clock: testClock(NOW), actor: userActor('owner') });
}

/** What /api/v2 says, but for the limit of 50: the same writers over everything that there is, as JSON that has travelled. */
async function published(ctx: TestCtx) {
  const snapshot = await getApiSnapshot(ctx, {});
  const all = (kind: 'incident' | 'maintenance') =>
    ctx.db.read(async (tx) =>
      assembleIncidents(tx, await listLatest(tx, kind, 100_000), await listPublicComponents(tx)),
    );
  const incidents = await all('incident');
  const maintenances = await all('maintenance');
  const documents = JSON.parse(
    JSON.stringify({
      components: componentsJson(snapshot),
      incidents: incidentsJson({ ...snapshot, incidents }),
      maintenances: maintenancesJson({ ...snapshot, maintenances }),
    }),
  ) as {
    components: ReturnType<typeof componentsJson>;
    incidents: ReturnType<typeof incidentsJson>;
    maintenances: ReturnType<typeof maintenancesJson>;
  };
  COMPONENTS.parse(documents.components);
  const told = [
    ...INCIDENTS.shape.incidents.element.array().parse(documents.incidents.incidents),
    ...MAINTENANCES.shape.scheduled_maintenances.element
      .array()
      .parse(documents.maintenances.scheduled_maintenances),
  ];
  expect(contradictions({ components: COMPONENTS.parse(documents.components), incidents: told })).toEqual([]);
  return documents;
}
/** What each incident says of each component, and when. */
async function claimsOf(db: Db): Promise<string[]> {
  const rows = await db.read((tx) =>
    tx
      .selectFrom('claims as c')
      .innerJoin('incidents as i', 'i.seq', 'c.source_seq')
      .select(['i.id', 'c.component_id', 'c.status', 'c.starts_at', 'c.ends_at'])
      .where('c.source_kind', '!=', 'manual')
      .where('c.voided_at', 'is', null)
      .execute(),
  );
  return rows.map((row) => Object.values(row).join(' ')).sort();
}

/** One by one, so that what differs is found in a page of any size. */
function expectSame(after: Published, before: Published): void {
  const [is, was] = [kept(after), kept(before)];
  for (const list of ['components', 'incidents', 'maintenances'] as const) {
    expect(is[list].map(({ id }) => id)).toEqual(was[list].map(({ id }) => id));
    for (const [index, one] of was[list].entries()) expect(is[list][index]).toEqual(one);
  }
}

type Published = Awaited<ReturnType<typeof published>>;

/**
 * What a round trip is to keep: everything but the page itself, whose name, address and id are the new installation's; what nobody
 * is told again (`deliver_notifications`); and the promise of a next update, which only a team that adopts the incident can make.
 */
function kept({ components, incidents, maintenances }: Published) {
  const own = <T extends { page_id: string }>({ page_id: _, ...rest }: T) => rest;
  const incident = (one: Published['incidents']['incidents'][number]) => ({
    ...own(one),
    next_update_by: null,
    components: one.components.map(own),
    incident_updates: one.incident_updates.map(({ deliver_notifications: _, ...update }) => update),
  });
  return {
    components: components.components.map(own),
    incidents: incidents.incidents.map(incident),
    maintenances: maintenances.scheduled_maintenances.map(incident),
  };
}

eachDatabase('our own /api/v2, imported into an empty database', (fresh) => {
  /** Imports what is published into a new database. @returns what is published there, and the report */
  async function again(documents: Published, { keepOpen = false, now = NOW } = {}) {
    const ctx = owner(await fresh());
    ctx.clock.set(now);
    await ctx.db.write((tx) => ensurePage(tx, { publicId: 'newpagenewpg', name: 'New', now: NOW }));
    const report = await importStatuspage(
      ctx,
      {
        page: documents.components.page,
        components: documents.components.components,
        incidents: documents.incidents.incidents,
        maintenances: documents.maintenances.scheduled_maintenances,
      },
      { keepOpen },
    );
    expect(report.remarks.filter(({ level }) => level === 'skipped')).toEqual([]);
    return { ctx, report, documents: await published(ctx) };
  }

  it('gives the same incidents, updates, components and times: a shop with open incidents and maintenance', async () => {
    const db = await fresh();
    await makeHarbour(db, { now: NOW, open: 3, maintenance: true });
    const before = await published(owner(db));
    expect(before.incidents.incidents.length).toBeGreaterThan(4);
    expect(before.maintenances.scheduled_maintenances.length).toBeGreaterThan(1);
    const { documents } = await again(before);
    expectSame(documents, before);
  });

  it('gives the same of what was declared, said, put right, planned and called off through the product', async () => {
    const ctx = owner(await fresh());
    await ctx.db.write((tx) => ensurePage(tx, { publicId: 'oldpageoldpg', name: 'Old', now: NOW }));
    const component = await makeComponent(ctx.db, { name: 'Search' });
    const other = await makeComponent(ctx.db, { name: 'Checkout' });
    const gone = await makeComponent(ctx.db, { name: 'Fax' });
    const { id } = await declareIncident(ctx, {
      title: 'Search is slow.',
      severity: 'SEV2',
      components: [
        { id: component.id, status: 'degraded_performance' },
        { id: gone.id, status: 'major_outage' },
      ],
    });
    const say = async (changes: Partial<PostInput>) => {
      ctx.clock.advance(HOUR / 4);
      const { version, status } = await getIncident(ctx, id);
      const said = {
        incidentId: id,
        version,
        status,
        components: [],
        notify: true,
        audience: 'public' as const,
      };
      return postUpdate(ctx, { ...said, body: 'x', ...changes });
    };
    await say({
      body: 'One **in** three.\n\n- a\n- b\n\nSee [this](https://x.example/a).',
      scope: 'EU only',
    });
    await say({ body: 'Said inside', audience: 'internal' });
    await say({
      status: 'monitoring',
      body: NASTY.slice(0, 8).join('\n'),
      affected: 'Everyone',
      workaround: 'Wait',
      estimate: 'An hour',
      components: [{ id: component.id, status: 'partial_outage' }],
    });
    ctx.clock.advance(HOUR);
    await say({ status: 'resolved', body: 'Over.', reason: 'It is' });
    const { version } = await getIncident(ctx, id);
    await changeTitle(ctx, { incidentId: id, version, title: 'Search was slow' });
    await archiveComponent(ctx, gone.id);

    const plan = (title: string, inDays: number) =>
      scheduleMaintenance(ctx, {
        title,
        body: 'We move house.',
        scheduledFor: addMs(ctx.now(), inDays * DAY),
        scheduledUntil: addMs(ctx.now(), inDays * DAY + 2 * HOUR),
        components: [other.id],
        notify: false,
      });
    await plan('Planned', 3);
    const off = await plan('Called off', 5);
    ctx.clock.advance(HOUR);
    await cancelMaintenance(ctx, { maintenanceId: off.id, version: 2, body: 'Not now.', notify: false });
    const begun = await plan('Begun early', 1);
    ctx.clock.advance(HOUR);
    await startMaintenance(ctx, { maintenanceId: begun.id, version: 2, body: 'Now.', notify: false });

    const before = await published(ctx);
    expect(before.incidents.incidents).toMatchObject([
      { name: 'Search was slow (EU only)', scope: 'EU only', incident_updates: { length: 3 } },
    ]);
    expect(before.incidents.incidents[0]!.components.map(({ name }) => name).sort()).toEqual([
      'Fax',
      'Search',
    ]);
    expect(before.maintenances.scheduled_maintenances.map(({ status }) => status).sort()).toEqual([
      'completed',
      'in_progress',
      'scheduled',
    ]);
    const claimed = await claimsOf(ctx.db);
    const { ctx: there, documents } = await again(before, { now: ctx.now() });
    expectSame(documents, before);
    const row = await getIncident(there, id);
    expect([row.title, row.scope]).toEqual(['Search was slow', 'EU only']);
    // So the marks and the uptime of each component are the same, too.
    expect(await claimsOf(there.db)).toEqual(claimed);
  });

  it('gives the same of what was untidy before it was first imported', async () => {
    const ctx = owner(await fresh());
    await makePage(ctx.db, { updated_at: NOW, time_zone: 'Europe/Berlin' });
    await importStatuspage(ctx, untidySource(), { keepOpen: true });
    const before = await published(ctx);
    expect(before.incidents.incidents).toHaveLength(7);
    // No update of it says so: only the source's own field.
    expect(before.incidents.incidents.find(({ id }) => id === 'incmodern001')).toMatchObject({
      monitoring_at: '2026-09-01T10:40:00.000Z',
    });
    const { documents } = await again(before, { keepOpen: true });
    expectSame(documents, before);
  });

  it('says whatever people typed as they typed it', async () => {
    const ctx = owner(await fresh());
    await makePage(ctx.db, { updated_at: NOW });
    for (const text of NASTY) {
      const { seq } = await makeIncident(ctx.db, { title: text, status: 'resolved' });
      await makeUpdate(ctx.db, seq, { body: text, status: 'resolved' });
    }
    const before = await published(ctx);
    expect(before.incidents.incidents).toHaveLength(NASTY.length);
    const { documents } = await again(before);
    expectSame(documents, before);
  });

  const there = existsSync(REAL);
  it.skipIf(!there)(
    there
      ? 'gives the same of a large real page: 705 incidents, 3,671 updates'
      : 'a large real page: NOT RUN, because ../shared/data is not beside this checkout',
    async () => {
      const read = (name: string) => JSON.parse(readFileSync(new URL(name, REAL), 'utf8'));
      const ctx = owner(await fresh());
      await makePage(ctx.db, { updated_at: NOW });
      await importStatuspage(ctx, {
        ...read('github-incidents-2020-2025.json'),
        components: read('github-components.json').components,
      });
      const before = await published(ctx);
      const claimed = await claimsOf(ctx.db);
      const { incidents } = before.incidents;
      const { scheduled_maintenances } = before.maintenances;
      expect([incidents.length, scheduled_maintenances.length]).toEqual([702, 3]);
      expect(
        [...incidents, ...scheduled_maintenances].reduce((sum, one) => sum + one.incident_updates.length, 0),
      ).toBe(3671);
      const { ctx: there, documents } = await again(before);
      expectSame(documents, before);
      expect(await claimsOf(there.db)).toEqual(claimed);
    },
  );
});
