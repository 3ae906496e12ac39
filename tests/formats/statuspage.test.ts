import { existsSync, readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { readConfig } from '#config';
import type { Ctx } from '#db/context.ts';
import {
  componentsJson,
  incidentJson,
  incidentsJson,
  maintenancesJson,
  statusJson,
  summaryJson,
} from '#formats/statuspage.ts';
import { getApiIncident, getApiSnapshot } from '#services/publicApi.ts';
import { importStatuspage } from '#services/statuspageImport.ts';
import { fillDemo } from '../../src/cli/demoFill.ts';
import { openFoghorn } from '../../src/foghorn.ts';
import { scratch } from '../cli/support.ts';
import { testClock, testContext, userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import {
  makeClaim,
  makeComponent,
  makeGroup,
  makeIncident,
  makePage,
  makeUpdate,
} from '../support/factory.ts';
import { makeHarbour } from '../support/harbour.ts';
import {
  COMPONENTS,
  contradictions,
  DOCUMENTS,
  INCIDENTS,
  MAINTENANCES,
  ONE,
  STATUS,
  SUMMARY,
} from '../support/statuspageSchema.ts';

const NOW = '2026-11-20T15:06:00.000Z';
const REAL = new URL('../../../shared/data/', import.meta.url);

/** Every document as its page writes it, and each incident's own; held against the reference, and against each other. */
async function everyDocument(ctx: Ctx) {
  const written = {
    'summary.json': summaryJson(await getApiSnapshot(ctx, { incidents: 'open', maintenances: 'open' })),
    'status.json': statusJson(await getApiSnapshot(ctx, {})),
    'components.json': componentsJson(await getApiSnapshot(ctx, {})),
    'incidents.json': incidentsJson(await getApiSnapshot(ctx, { incidents: 'latest' })),
    'incidents/unresolved.json': incidentsJson(await getApiSnapshot(ctx, { incidents: 'open' })),
    'scheduled-maintenances.json': maintenancesJson(await getApiSnapshot(ctx, { maintenances: 'latest' })),
    'scheduled-maintenances/active.json': maintenancesJson(
      await getApiSnapshot(ctx, { maintenances: 'active' }),
    ),
    'scheduled-maintenances/upcoming.json': maintenancesJson(
      await getApiSnapshot(ctx, { maintenances: 'upcoming' }),
    ),
  };
  for (const [name, schema] of Object.entries(DOCUMENTS))
    schema.parse(JSON.parse(JSON.stringify(written[name as keyof typeof written])));
  const incidents = INCIDENTS.parse(written['incidents.json']).incidents;
  const maintenances = MAINTENANCES.parse(written['scheduled-maintenances.json']).scheduled_maintenances;
  const components = COMPONENTS.parse(written['components.json']);
  expect(contradictions({ components, incidents: [...incidents, ...maintenances] })).toEqual([]);
  for (const { id } of [...incidents, ...maintenances]) {
    const { snapshot, incident } = await getApiIncident(ctx, id);
    const { page: _, ...one } = ONE.parse(incidentJson(snapshot, incident));
    expect([...incidents, ...maintenances]).toContainEqual(one);
  }
  return { incidents, maintenances, ...components };
}

eachDatabase("the public JSON in Statuspage's shape", (fresh) => {
  async function harbour(open: 0 | 1 | 3) {
    const db = await fresh();
    await makeHarbour(db, { now: NOW, open, maintenance: open !== 0 });
    return { db, ctx: testContext(db, { clock: testClock(NOW) }) };
  }

  it('has every field of every document, and one more: when the next word of an incident is due', async () => {
    const { ctx } = await harbour(3);
    const summary = SUMMARY.parse(
      summaryJson(await getApiSnapshot(ctx, { incidents: 'open', maintenances: 'open' })),
    );
    expect(summary.components.filter((one) => one.group)).toHaveLength(7);
    expect(summary.components.filter((one) => !one.group)).toHaveLength(40);
    expect(summary.incidents.map((one) => one.status)).toEqual(['identified', 'investigating', 'monitoring']);
    expect(summary.scheduled_maintenances.map((one) => one.status)).toEqual(['scheduled', 'in_progress']);
    expect(summary.status).toEqual({ indicator: 'critical', description: 'Major System Outage' });
    STATUS.parse(statusJson(await getApiSnapshot(ctx, {})));
    COMPONENTS.parse(componentsJson(await getApiSnapshot(ctx, {})));
    const all = INCIDENTS.parse(incidentsJson(await getApiSnapshot(ctx, { incidents: 'latest' })));
    expect(all.incidents).toHaveLength(5);
    expect(all.incidents.at(-1)).toMatchObject({ status: 'resolved', impact: 'major', next_update_by: null });
    const due = summary.incidents.map((one) => one.next_update_by?.slice(11, 16));
    expect(due[0]).toBe('15:30');
    expect(due).not.toContain(undefined);
    for (const wants of ['latest', 'active', 'upcoming'] as const)
      MAINTENANCES.parse(maintenancesJson(await getApiSnapshot(ctx, { maintenances: wants })));
  });

  it('lists the newest update first, as plain text with \\r\\n and what stands beside the text', async () => {
    const { ctx } = await harbour(1);
    const { incidents } = incidentsJson(await getApiSnapshot(ctx, { incidents: 'open' }));
    expect(incidents[0]!.incident_updates.map((one) => one.status)).toEqual([
      'identified',
      'investigating',
      'investigating',
    ]);
    expect(incidents[0]!.incident_updates[0]!.body).toBe(
      'A payment provider in Frankfurt is rejecting about one in three card payments. We are moving European card traffic to a second provider.\r\n\r\n' +
        'Who is affected: About 30% of card payments in Europe\r\n' +
        'What still works: Bank transfer and gift cards work. Browsing, sign-in and existing orders are not affected.\r\n' +
        'Next update by 15:30 UTC',
    );
    expect(incidents[0]!.shortlink).toBe(`https://status.example.com/incidents/${incidents[0]!.id}`);
  });

  it('lets no group_id dangle: each names a group that lists the component', async () => {
    const { db, ctx } = await harbour(0);
    await makeGroup(db, { name: 'Empty' });
    await makeComponent(db, { name: 'Alone' });
    const { components } = componentsJson(await getApiSnapshot(ctx, {}));
    const groups = new Map(
      components.flatMap((one) => ('components' in one ? [[one.id, one.components]] : [])),
    );
    expect(components.some((one) => one.name === 'Empty')).toBe(false);
    for (const one of components) if (one.group_id) expect(groups.get(one.group_id)).toContain(one.id);
    expect(components.find((one) => one.name === 'Alone')?.group_id).toBeNull();
  });

  it('reports none under maintenance alone, because clients reject any other word, and says so in the description', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const one = await makeComponent(db);
    const ctx = testContext(db, { clock: testClock(NOW) });
    expect(statusJson(await getApiSnapshot(ctx, {})).status).toEqual({
      indicator: 'none',
      description: 'All Systems Operational',
    });
    await makeClaim(db, {
      component_id: one.id,
      source_kind: 'manual',
      source_seq: 0,
      status: 'under_maintenance',
    });
    expect(statusJson(await getApiSnapshot(ctx, {})).status).toEqual({
      indicator: 'none',
      description: 'Service Under Maintenance',
    });
  });

  it.each([
    ['degraded_performance', 'minor'],
    ['partial_outage', 'major'],
    ['major_outage', 'critical'],
  ] as const)('derives the indicator from a component that is in %s: %s', async (claimed, indicator) => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const one = await makeComponent(db);
    await makeClaim(db, { component_id: one.id, source_kind: 'manual', source_seq: 0, status: claimed });
    const ctx = testContext(db, { clock: testClock(NOW) });
    expect(statusJson(await getApiSnapshot(ctx, {})).status.indicator).toBe(indicator);
  });

  it('derives the indicator from an open incident that touches no component, and gives it an update', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    await makeIncident(db, { severity: 'SEV2' });
    const ctx = testContext(db, { clock: testClock(NOW) });
    const snapshot = await getApiSnapshot(ctx, { incidents: 'open', maintenances: 'open' });
    const summary = SUMMARY.parse(summaryJson(snapshot));
    expect(summary.status.indicator).toBe('major');
    expect(summary.incidents[0]!.incident_updates).toHaveLength(1);
  });

  it('never holds what is unpublished, restricted, a drill or internal, nor what they claim', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const one = await makeComponent(db);
    for (const hidden of [{ published_at: null }, { restricted: 1 }, { drill: 1 }] as const) {
      const secret = await makeIncident(db, { title: 'SECRET', ...hidden });
      await makeUpdate(db, secret.seq, { body: 'SECRET' });
      await makeClaim(db, { component_id: one.id, source_seq: secret.seq, status: 'major_outage' });
    }
    const open = await makeIncident(db, { title: 'Known', severity: 'SEV4' });
    await makeUpdate(db, open.seq, { audience: 'internal', body: 'SECRET' });
    await makeUpdate(db, open.seq, { body: 'Said in [public](https://x.example/a)' });
    const ctx = testContext(db, { clock: testClock(NOW) });
    const written = JSON.stringify([
      summaryJson(await getApiSnapshot(ctx, { incidents: 'open', maintenances: 'open' })),
      incidentsJson(await getApiSnapshot(ctx, { incidents: 'latest' })),
    ]);
    expect(written).toContain('Said in public (https://x.example/a)');
    expect(written).not.toContain('SECRET');
    expect(statusJson(await getApiSnapshot(ctx, {})).status.indicator).toBe('none');
  });

  it('gives at most the latest 50 incidents', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    for (let day = 10; day < 62; day++) {
      const started = new Date(Date.parse(NOW) - day * 86_400_000).toISOString();
      await makeIncident(db, { title: `Day ${day}`, status: 'resolved', started_at: started });
    }
    const ctx = testContext(db, { clock: testClock(NOW) });
    const { incidents } = incidentsJson(await getApiSnapshot(ctx, { incidents: 'latest' }));
    expect(incidents).toHaveLength(50);
    expect(incidents[0]!.name).toBe('Day 10');
  });

  it('names a component that has been archived since, in the incidents that touched it and in no list', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const group = await makeGroup(db, { name: 'Old' });
    const fax = await makeComponent(db, { name: 'Fax', archived_at: NOW, group_id: group.id });
    const { seq } = await makeIncident(db, { status: 'resolved', resolved_at: NOW });
    await makeUpdate(db, seq, { status: 'resolved' });
    await makeClaim(db, { component_id: fax.id, source_seq: seq, status: 'major_outage' });
    const { incidents, components } = await everyDocument(testContext(db, { clock: testClock(NOW) }));
    expect(components).toEqual([]);
    expect(incidents[0]!.components).toMatchObject([{ id: fax.id, name: 'Fax', group_id: null }]);
    expect(incidents[0]!.incident_updates[0]!.affected_components).toMatchObject([
      { code: fax.id, new_status: 'major_outage' },
    ]);
  });

  it('shows nobody outside that something was done inside: updated_at is of what visitors read', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const said = '2026-11-20T15:00:00.000Z';
    const { seq } = await makeIncident(db, { created_at: said, published_at: said, updated_at: NOW });
    await makeUpdate(db, seq, { created_at: said, updated_at: said, posted_at: said });
    const { incidents } = await everyDocument(testContext(db, { clock: testClock(NOW) }));
    expect(incidents[0]!.updated_at).toBe(said);
  });

  const there = existsSync(REAL);
  it.skipIf(!there)(
    there
      ? 'has every field, with allowed values, of what was imported from a large real page'
      : 'a large real page: NOT RUN, because ../shared/data is not beside this checkout',
    async () => {
      const read = (name: string) => JSON.parse(readFileSync(new URL(name, REAL), 'utf8'));
      const db = await fresh();
      await makePage(db, { updated_at: NOW });
      const ctx = testContext(db, { clock: testClock(NOW), actor: userActor('owner') });
      await importStatuspage(ctx, {
        ...read('github-incidents-2020-2025.json'),
        components: read('github-components.json').components,
      });
      const { incidents, maintenances, components } = await everyDocument(ctx);
      expect([incidents.length, maintenances.length, components.length]).toEqual([50, 3, 12]);
    },
  );
});

it('every document of the demo has every field, with allowed values', async () => {
  const folder = scratch();
  await fillDemo(folder, NOW);
  const foghorn = await openFoghorn(readConfig({ DATA_DIR: folder, LOG_LEVEL: 'silent' }));
  onTestFinished(() => foghorn.close());
  const ctx = { ...foghorn.contextFor({ kind: 'visitor' }), now: () => NOW };
  const { incidents, maintenances, components } = await everyDocument(ctx);
  expect(components.length).toBeGreaterThan(45);
  expect(incidents.length).toBeGreaterThan(15);
  expect(maintenances.length).toBeGreaterThan(1);
});
