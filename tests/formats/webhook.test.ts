import { expect, it } from 'vitest';
import { z } from 'zod';
import type { HookPayload } from '#domain/hooks.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { getIncident } from '#services/incidents.ts';
import { endMaintenance, scheduleMaintenance, startMaintenance } from '#services/maintenance.ts';
import { incidentHouse } from '../services/incidentHouse.ts';
import { eachDatabase } from '../support/databases.ts';

// Strict: a field too many, or one too few, is a receiver that breaks.
const instant = z.iso.datetime({ precision: 3 });
const status = z.enum([
  'operational',
  'degraded_performance',
  'partial_outage',
  'major_outage',
  'under_maintenance',
]);
const page = z.strictObject({
  id: z.string().min(1),
  status_indicator: z.enum(['none', 'minor', 'major', 'critical']),
  status_description: z.string().min(1),
});
const update = z.strictObject({
  id: z.string().min(1),
  status: z.string(),
  body: z.string().min(1),
  incident_id: z.string(),
  created_at: instant,
  updated_at: instant,
  display_at: instant,
  affected_components: z
    .array(z.strictObject({ code: z.string(), name: z.string(), old_status: status, new_status: status }))
    .min(1)
    .nullable(),
  deliver_notifications: z.boolean(),
  custom_tweet: z.null(),
  tweet_id: z.null(),
});
const memberFields = {
  id: z.string().min(1),
  name: z.string(),
  status,
  created_at: instant,
  updated_at: instant,
  position: z.int(),
  description: z.string().nullable(),
  page_id: z.string(),
  showcase: z.boolean(),
  group_id: z.string().nullable(),
};
const member = z.strictObject({
  ...memberFields,
  start_date: z.iso.date().nullable(),
  group: z.literal(false),
  only_show_if_degraded: z.boolean(),
});
const incident = z.strictObject({
  id: z.string().min(1),
  name: z.string(),
  status: z.enum([
    'investigating',
    'identified',
    'monitoring',
    'resolved',
    'postmortem',
    'scheduled',
    'in_progress',
    'verifying',
    'completed',
  ]),
  created_at: instant,
  updated_at: instant,
  monitoring_at: instant.nullable(),
  resolved_at: instant.nullable(),
  impact: z.enum(['none', 'minor', 'major', 'critical', 'maintenance']),
  shortlink: z.url(),
  started_at: instant,
  page_id: z.string(),
  incident_updates: z.array(update).min(1),
  components: z.array(member),
  backfilled: z.literal(false),
  scheduled_for: instant.nullable(),
  scheduled_until: instant.nullable(),
  // As in `/api/v2`; planned work has none.
  next_update_by: instant.nullable().optional(),
  scope: z.string().min(1).nullable(),
});
const incidentCall = z.strictObject({ page, incident });
const componentCall = z.strictObject({
  page,
  component: z.strictObject(memberFields),
  component_update: z.strictObject({
    id: z.string().min(1),
    component_id: z.string(),
    old_status: status,
    new_status: status,
    created_at: instant,
    component_type: z.literal('Component'),
    state: z.literal('sn_created'),
  }),
});

eachDatabase('what webhooks are called with', (fresh) => {
  async function house() {
    const home = await incidentHouse(fresh);
    const { id } = await addHookSubscriber(home.ctx, {
      channel: 'webhook',
      url: 'https://receiver.example/hook',
      name: null,
      owner: 'owner@example.com',
    });
    /** What the newest notice that goes to webhooks says to those who had all that was said before. */
    const calls = async () => {
      const { payload } = await home.db.read((tx) =>
        tx
          .selectFrom('notices')
          .select('payload')
          .where('payload', 'is not', null)
          .where('variant_of', 'is', null)
          .orderBy('seq', 'desc')
          .limit(1)
          .executeTakeFirstOrThrow(),
      );
      return (JSON.parse(payload as string) as HookPayload).webhook;
    };
    const count = async () =>
      (await home.db.read((tx) => tx.selectFrom('notices').select('seq').execute())).length;
    return { ...home, hook: id, calls, count };
  }

  it('is Statuspage’s incident and then its components, every field of each and none besides', async () => {
    const { declare, say, calls, checkout, cart, shop, ctx } = await house();
    const { id } = await declare();
    await say(id, {
      status: 'identified',
      body: 'A link is broken.\nWe mend it.',
      workaround: 'Pay by card.',
      components: [{ id: cart.id, status: 'degraded_performance' }],
      notify: true,
    });
    const [first, ...rest] = await calls();
    const told = incidentCall.parse(first);
    expect(told.incident).toMatchObject({
      id,
      name: 'Checkout is failing',
      status: 'identified',
      impact: 'critical',
      started_at: ctx.now(),
      resolved_at: null,
      scheduled_for: null,
      shortlink: `https://status.example.com/incidents/${id}`,
      page_id: told.page.id,
    });
    expect(told.page).toMatchObject({
      status_indicator: 'critical',
      status_description: 'Major System Outage',
    });
    // Plain text with the line ends of the dialect.
    expect(told.incident.incident_updates[0]).toMatchObject({
      incident_id: id,
      body: 'A link is broken.\r\nWe mend it.\r\n\r\nWhat still works: Pay by card.\r\nNext update by 14:30 UTC',
      deliver_notifications: true,
    });
    expect(told.incident.components.map((one) => [one.id, one.status, one.group_id])).toEqual([
      [checkout.id, 'major_outage', shop.id],
      [cart.id, 'degraded_performance', shop.id],
    ]);
    const components = rest.map((call) => componentCall.parse(call));
    expect(
      components.map(({ component, component_update: change }) => [
        component.id,
        component.status,
        change.component_id,
        change.old_status,
        change.new_status,
        change.created_at,
      ]),
    ).toEqual([
      [cart.id, 'degraded_performance', cart.id, 'operational', 'degraded_performance', ctx.now()],
      [checkout.id, 'major_outage', checkout.id, 'operational', 'major_outage', ctx.now()],
    ]);
    expect(new Set(components.map(({ component_update }) => component_update.id)).size).toBe(2);
  });

  it('says only what an update changed, and that it is over', async () => {
    const { declare, say, calls, checkout } = await house();
    const { id } = await declare();
    await say(id, { status: 'investigating', notify: true });
    await say(id, { status: 'identified', body: 'Found.', notify: true });
    expect(await calls()).toHaveLength(1);
    await say(id, {
      status: 'resolved',
      body: 'Over.',
      reason: 'Watched.',
      components: [{ id: checkout.id, status: 'operational' }],
      notify: true,
    });
    const [first, second] = await calls();
    const { incident: over, page: after } = incidentCall.parse(first);
    expect(over).toMatchObject({ status: 'resolved', resolved_at: expect.any(String) });
    expect(over.incident_updates.map((one) => one.status)).toEqual([
      'resolved',
      'identified',
      'investigating',
    ]);
    expect(after).toMatchObject({ status_indicator: 'none', status_description: 'All Systems Operational' });
    expect(componentCall.parse(second).component_update).toMatchObject({
      old_status: 'major_outage',
      new_status: 'operational',
    });
  });

  it('says of a component what it is, whatever the incident itself claims', async () => {
    const { declare, say, calls, checkout } = await house();
    const worse = await declare();
    await say(worse.id, { status: 'investigating', notify: true });
    const milder = await declare({
      title: 'Checkout is slow',
      severity: 'SEV3',
      components: [{ id: checkout.id, status: 'degraded_performance' }],
    });
    await say(milder.id, { status: 'investigating', notify: true });
    await say(worse.id, {
      status: 'resolved',
      reason: 'Watched.',
      components: [{ id: checkout.id, status: 'operational' }],
      notify: true,
    });
    const [, change] = await calls();
    expect(componentCall.parse(change)).toMatchObject({
      component: { status: 'degraded_performance' },
      component_update: { old_status: 'major_outage', new_status: 'degraded_performance' },
    });
  });

  it('has a maintenance in the incident’s place', async () => {
    const { ctx, calls, checkout } = await house();
    const { id } = await scheduleMaintenance(ctx, {
      title: 'Database upgrade',
      body: 'Read only for an hour.',
      scheduledFor: '2026-11-24T02:00:00.000Z',
      scheduledUntil: '2026-11-24T03:00:00.000Z',
      components: [checkout.id],
      notify: true,
    });
    const [only, ...rest] = await calls();
    expect(rest).toEqual([]);
    expect(incidentCall.parse(only).incident).toMatchObject({
      id,
      status: 'scheduled',
      impact: 'maintenance',
      scheduled_for: '2026-11-24T02:00:00.000Z',
      scheduled_until: '2026-11-24T03:00:00.000Z',
      shortlink: `https://status.example.com/maintenance/${id}`,
    });
    // It changes a component once it begins.
    ctx.clock.set('2026-11-24T02:00:00.000Z');
    const { version } = await getIncident(ctx, id);
    await startMaintenance(ctx, { maintenanceId: id, version, body: 'It begins.', notify: true });
    const [begun, component] = await calls();
    expect(incidentCall.parse(begun)).toMatchObject({
      page: { status_indicator: 'none', status_description: 'Service Under Maintenance' },
      incident: { status: 'in_progress' },
    });
    expect(componentCall.parse(component)).toMatchObject({
      component: { id: checkout.id, status: 'under_maintenance' },
      component_update: { old_status: 'operational', new_status: 'under_maintenance' },
    });
    const begunAt = (await getIncident(ctx, id)).version;
    await endMaintenance(ctx, { maintenanceId: id, version: begunAt, body: 'Done.', notify: true });
    const [ended, well] = await calls();
    expect(incidentCall.parse(ended).incident.status).toBe('completed');
    expect(componentCall.parse(well).component_update).toMatchObject({
      old_status: 'under_maintenance',
      new_status: 'operational',
    });
  });

  it('never is what was said inside: no internal update, nor what was written before the first public word', async () => {
    const { declare, say, calls, count } = await house();
    const { id } = await declare({ summary: 'SECRET summary' });
    await say(id, { audience: 'internal', body: 'SECRET cause', notify: true });
    expect(await count()).toBe(0);
    await say(id, { status: 'investigating', notify: true });
    await say(id, { audience: 'internal', body: 'SECRET more', notify: true });
    expect(await count()).toBe(1);
    await say(id, { status: 'identified', body: 'Found.', notify: true });
    const said = JSON.stringify(await calls());
    expect(said).toContain('Found.');
    expect(said).not.toContain('SECRET');
  });
});
