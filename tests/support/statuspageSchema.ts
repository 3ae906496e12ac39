import { z } from 'zod';

/**
 * Statuspage's public API v2 as its reference has it: every field, every value that each may have, and what is ours beside them. Strict: a
 * field too many, or one too few, is a client that breaks.
 */
const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const instant = z.iso.datetime({ precision: 3 });
const componentStatus = z.enum([
  'operational',
  'under_maintenance',
  'degraded_performance',
  'partial_outage',
  'major_outage',
]);
const page = z.strictObject({
  id,
  name: z.string().min(1),
  url: z.url(),
  time_zone: z.string().refine((zone) => Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }))),
  updated_at: instant,
});
const memberFields = {
  id,
  name: z.string().min(1),
  status: componentStatus,
  created_at: instant,
  updated_at: instant,
  position: z.int().min(0),
  description: z.string().nullable(),
  showcase: z.boolean(),
  start_date: z.iso.date().nullable(),
  group_id: id.nullable(),
  page_id: id,
  only_show_if_degraded: z.boolean(),
};
const member = z.strictObject({ ...memberFields, group: z.literal(false) });
const group = z.strictObject({
  ...memberFields,
  group: z.literal(true),
  group_id: z.null(),
  components: z.array(id).min(1),
});
const component = z.discriminatedUnion('group', [member, group]);

const incidentStatus = z.enum(['investigating', 'identified', 'monitoring', 'resolved', 'postmortem']);
const maintenanceStatus = z.enum(['scheduled', 'in_progress', 'verifying', 'completed']);
const updateOf = <T extends z.ZodType>(status: T) =>
  z.strictObject({
    id: z.string().min(1),
    status,
    body: z.string().regex(/^(?:[^\r\n]|\r\n)+$/),
    incident_id: id,
    created_at: instant,
    updated_at: instant,
    display_at: instant,
    affected_components: z
      .array(
        z.strictObject({
          code: id,
          name: z.string().min(1),
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
  id,
  name: z.string().min(1),
  created_at: instant,
  updated_at: instant,
  monitoring_at: instant.nullable(),
  resolved_at: instant.nullable(),
  shortlink: z.url({ protocol: /^https?$/ }),
  started_at: instant,
  page_id: id,
  components: z.array(member),
  // Ours, beside the dialect's: clients read what they know and pass over the rest.
  scope: z.string().min(1).nullable(),
};
const incident = z.strictObject({
  ...incidentFields,
  status: incidentStatus,
  impact: z.enum(['none', 'minor', 'major', 'critical']),
  incident_updates: z.array(updateOf(incidentStatus)).min(1),
  // Ours.
  next_update_by: instant.nullable(),
});
const maintenance = z.strictObject({
  ...incidentFields,
  status: maintenanceStatus,
  impact: z.enum(['none', 'minor', 'major', 'critical', 'maintenance']),
  incident_updates: z.array(updateOf(maintenanceStatus)).min(1),
  scheduled_for: instant,
  scheduled_until: instant.nullable(),
});
const status = z.strictObject({
  indicator: z.enum(['none', 'minor', 'major', 'critical']),
  description: z.enum([
    'All Systems Operational',
    'Partially Degraded Service',
    'Partial System Outage',
    'Major System Outage',
    'Service Under Maintenance',
  ]),
});
const unresolved = incident.extend({
  status: z.enum(['investigating', 'identified', 'monitoring']),
  resolved_at: z.null(),
});
const scheduled = maintenance.extend({ status: z.literal('scheduled'), resolved_at: z.null() });
const running = maintenance.extend({
  status: z.enum(['in_progress', 'verifying']),
  resolved_at: z.null(),
});

export const STATUS = z.strictObject({ page, status });
export const COMPONENTS = z.strictObject({ page, components: z.array(component) });
export const INCIDENTS = z.strictObject({ page, incidents: z.array(incident).max(50) });
export const UNRESOLVED = z.strictObject({ page, incidents: z.array(unresolved) });
export const MAINTENANCES = z.strictObject({ page, scheduled_maintenances: z.array(maintenance).max(50) });
export const ACTIVE = z.strictObject({ page, scheduled_maintenances: z.array(running) });
export const UPCOMING = z.strictObject({ page, scheduled_maintenances: z.array(scheduled) });
export const SUMMARY = z.strictObject({
  page,
  status,
  components: z.array(component),
  incidents: z.array(unresolved),
  scheduled_maintenances: z.array(z.union([scheduled, running])),
});
/** `/incidents/ID.json`. */
export const ONE = z.union([incident.extend({ page }), maintenance.extend({ page })]);

/** Every document by its path. */
export const DOCUMENTS = {
  'summary.json': SUMMARY,
  'status.json': STATUS,
  'components.json': COMPONENTS,
  'incidents.json': INCIDENTS,
  'incidents/unresolved.json': UNRESOLVED,
  'scheduled-maintenances.json': MAINTENANCES,
  'scheduled-maintenances/active.json': ACTIVE,
  'scheduled-maintenances/upcoming.json': UPCOMING,
} as const;

type Told = z.infer<typeof incident> | z.infer<typeof maintenance>;

/**
 * What a schema alone cannot say of a set of documents of one moment.
 * @returns what is wrong, in words
 */
export function contradictions(documents: {
  components: z.infer<typeof COMPONENTS>;
  incidents: readonly Told[];
}): string[] {
  const wrong: string[] = [];
  const { page: whole, components } = documents.components;
  const groups = new Map(components.flatMap((one) => (one.group ? [[one.id, one.components]] : [])));
  const members = components.filter((one) => !one.group);
  for (const one of members)
    if (one.group_id && !groups.get(one.group_id)?.includes(one.id))
      wrong.push(`${one.id} is in a group that does not list it`);
  for (const [name, own] of groups)
    for (const one of own)
      if (members.find(({ id }) => id === one)?.group_id !== name) wrong.push(`${name} lists ${one}`);
  for (const one of documents.incidents) {
    const say = (text: string) => wrong.push(`${one.id}: ${text}`);
    if (one.page_id !== whole.id) say('is of another page');
    const posted = one.incident_updates.map(({ display_at }) => display_at);
    if (posted.some((at, index) => index > 0 && at > (posted[index - 1] as string)))
      say('is not newest first');
    if (one.incident_updates.some(({ incident_id }) => incident_id !== one.id)) say('has a stray update');
    const over = /^(resolved|postmortem|completed)$/.test(one.status);
    if (over !== (one.resolved_at !== null)) say(`is ${one.status} with resolved_at ${one.resolved_at}`);
    for (const { group_id } of one.components)
      if (group_id && !groups.has(group_id)) say(`names a group that is not there: ${group_id}`);
  }
  return wrong;
}
