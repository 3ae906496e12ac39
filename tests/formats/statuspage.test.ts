import { expect, it } from 'vitest';
import { z } from 'zod';
import {
  componentsJson,
  incidentsJson,
  maintenancesJson,
  statusJson,
  summaryJson,
} from '#formats/statuspage.ts';
import { getApiSnapshot } from '#services/publicApi.ts';
import { testClock, testContext } from '../support/context.ts';
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

const NOW = '2026-11-20T15:06:00.000Z';

// Strict: a field too many, or one too few, is a client that breaks.
const instant = z.iso.datetime({ precision: 3 });
const componentStatus = z.enum([
  'operational',
  'under_maintenance',
  'degraded_performance',
  'partial_outage',
  'major_outage',
]);
const page = z.strictObject({
  id: z.string(),
  name: z.string(),
  url: z.url(),
  time_zone: z.string(),
  updated_at: instant,
});
const memberFields = {
  id: z.string(),
  name: z.string(),
  status: componentStatus,
  created_at: instant,
  updated_at: instant,
  position: z.int(),
  description: z.string().nullable(),
  showcase: z.boolean(),
  start_date: z.iso.date().nullable(),
  group_id: z.string().nullable(),
  page_id: z.string(),
  only_show_if_degraded: z.boolean(),
};
const member = z.strictObject({ ...memberFields, group: z.literal(false) });
const group = z.strictObject({
  ...memberFields,
  group: z.literal(true),
  group_id: z.null(),
  components: z.array(z.string()).min(1),
});
const component = z.union([member, group]);
const update = z.strictObject({
  id: z.string(),
  status: z.string(),
  body: z.string(),
  incident_id: z.string(),
  created_at: instant,
  updated_at: instant,
  display_at: instant,
  affected_components: z
    .array(
      z.strictObject({
        code: z.string(),
        name: z.string(),
        old_status: componentStatus,
        new_status: componentStatus,
      }),
    )
    .min(1)
    .nullable(),
  deliver_notifications: z.boolean(),
  custom_tweet: z.null(),
  tweet_id: z.null(),
});
const incidentFields = {
  id: z.string(),
  name: z.string(),
  created_at: instant,
  updated_at: instant,
  monitoring_at: instant.nullable(),
  resolved_at: instant.nullable(),
  shortlink: z.url(),
  started_at: instant,
  page_id: z.string(),
  incident_updates: z.array(update).min(1),
  components: z.array(member),
};
const incident = z.strictObject({
  ...incidentFields,
  status: z.enum(['investigating', 'identified', 'monitoring', 'resolved', 'postmortem']),
  impact: z.enum(['none', 'minor', 'major', 'critical']),
  // Ours, beside the dialect's: clients read what they know and pass over the rest.
  next_update_by: instant.nullable(),
});
const maintenance = z.strictObject({
  ...incidentFields,
  status: z.enum(['scheduled', 'in_progress', 'verifying', 'completed']),
  impact: z.enum(['none', 'minor', 'major', 'critical', 'maintenance']),
  scheduled_for: instant.nullable(),
  scheduled_until: instant.nullable(),
});
const status = z.strictObject({
  indicator: z.enum(['none', 'minor', 'major', 'critical']),
  description: z.string(),
});
const SUMMARY = z.strictObject({
  page,
  status,
  components: z.array(component),
  incidents: z.array(incident),
  scheduled_maintenances: z.array(maintenance),
});
const STATUS = z.strictObject({ page, status });
const COMPONENTS = z.strictObject({ page, components: z.array(component) });
const INCIDENTS = z.strictObject({ page, incidents: z.array(incident) });
const MAINTENANCES = z.strictObject({ page, scheduled_maintenances: z.array(maintenance) });

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
    expect(summary.scheduled_maintenances.map((one) => one.status)).toEqual(['in_progress', 'scheduled']);
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
});
