import type { Db } from '#db/open.ts';
import type { ComponentStatus } from '#domain/status.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE } from '#domain/time.ts';
import { makeClaim, makeComponent, makeGroup, makeIncident, makePage, makeUpdate } from './factory.ts';

/** A believable shop: 40 components in 7 groups, 90 days of small troubles. What is open now is up to the test. */
export const HARBOUR: Record<string, readonly string[]> = {
  Shop: ['Checkout', 'Cart', 'Product search', 'Product pages', 'Recommendations', 'Gift cards'],
  Accounts: ['Sign-in', 'Single sign-on', 'Profile and settings', 'Password reset'],
  Payments: ['Card payments', 'Bank transfers', 'Refunds', 'Payouts', 'Invoices'],
  Fulfilment: ['Orders', 'Shipping labels', 'Tracking', 'Returns', 'Warehouse sync'],
  'Developer platform': ['REST API', 'GraphQL API', 'Webhooks', 'Sandbox', 'SDK downloads', 'OAuth'],
  Regions: [
    'Europe (Frankfurt)',
    'Europe (Dublin)',
    'US East (Virginia)',
    'US West (Oregon)',
    'Asia (Singapore)',
    'Asia (Tokyo)',
    'South America (São Paulo)',
  ],
  'Support and site': [
    'Help centre',
    'Live chat',
    'Status mail',
    'Documentation',
    'Community',
    'Partner portal',
    'Mobile apps',
  ],
};

/** One that somebody else runs. */
const UPSTREAM = { of: 'Bank transfers', name: 'Northbank', url: 'https://status.northbank.example/' };

export type Harbour = { components: Map<string, string>; open: { id: string; seq: number }[] };

const TROUBLES: readonly ComponentStatus[] = [
  'degraded_performance',
  'partial_outage',
  'degraded_performance',
  'under_maintenance',
  'partial_outage',
  'major_outage',
  'degraded_performance',
];

export async function makeHarbour(
  db: Db,
  options: { now: Instant; open: 0 | 1 | 3; maintenance?: boolean },
): Promise<Harbour> {
  const { now } = options;
  const ago = (ms: number) => addMs(now, -ms);
  await makePage(db, { updated_at: now });
  const components = new Map<string, string>();
  // The same on every run, but as little alike as real ids are: they must weigh what those weigh when a page is compressed.
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const scattered = () => Array.from({ length: 12 }, () => next(36).toString(36)).join('');
  let position = 0;
  for (const [name, members] of Object.entries(HARBOUR)) {
    const group = await makeGroup(db, { name, position: ++position });
    for (const member of members) {
      const { id } = await makeComponent(db, {
        id: scattered(),
        name: member,
        group_id: group.id,
        position: ++position,
        ...(member === UPSTREAM.of && { upstream_name: UPSTREAM.name, upstream_url: UPSTREAM.url }),
      });
      components.set(member, id);
    }
  }
  const id = (name: string) => components.get(name) as string;

  // Small troubles, spread as a year of good practice leaves them.
  for (const componentId of components.values()) {
    for (let i = next(5); i > 0; i--) {
      const starts = ago((2 + next(87)) * DAY + next(20) * HOUR);
      await makeClaim(db, {
        component_id: componentId,
        source_kind: 'manual',
        source_seq: 0,
        status: TROUBLES[next(TROUBLES.length)] as ComponentStatus,
        starts_at: starts,
        ends_at: addMs(starts, (3 + next(150)) * MINUTE + next(60) * 1000),
      });
    }
  }

  await past(db, {
    title: 'Delayed webhooks',
    component: id('Webhooks'),
    status: 'degraded_performance',
    started: ago(2 * DAY + 3 * HOUR),
    minutes: 48,
  });
  await past(db, {
    title: 'Sign-in by single sign-on failed for some companies',
    component: id('Single sign-on'),
    status: 'partial_outage',
    started: ago(9 * DAY + 5 * HOUR),
    minutes: 96,
  });

  const open: Harbour['open'] = [];
  if (options.open >= 1) open.push(await checkout(db, id, now));
  if (options.open >= 3) {
    open.push(await webhooks(db, id, now));
    open.push(await search(db, id, now));
  }
  if (options.maintenance) await payouts(db, id, now);
  return { components, open };
}

async function past(
  db: Db,
  one: { title: string; component: string; status: ComponentStatus; started: Instant; minutes: number },
): Promise<void> {
  const ended = addMs(one.started, one.minutes * MINUTE);
  const incident = await makeIncident(db, {
    title: one.title,
    severity: one.status === 'partial_outage' ? 'SEV2' : 'SEV3',
    status: 'resolved',
    started_at: one.started,
    resolved_at: ended,
    updated_at: ended,
  });
  await makeUpdate(db, incident.seq, {
    posted_at: addMs(one.started, 5 * MINUTE),
    body: 'We see errors and are looking into them.',
  });
  await makeUpdate(db, incident.seq, {
    status: 'resolved',
    kind: 'resolution',
    posted_at: ended,
    body: 'This is fixed. A queue had run full after a deploy; we put the deploy back and the backlog is worked off.',
  });
  await makeClaim(db, {
    component_id: one.component,
    source_seq: incident.seq,
    status: one.status,
    starts_at: one.started,
    ends_at: ended,
  });
}

async function checkout(db: Db, id: (name: string) => string, now: Instant) {
  const started = addMs(now, -51 * MINUTE);
  const incident = await makeIncident(db, {
    title: 'Checkout is failing for some customers',
    severity: 'SEV1',
    status: 'identified',
    scope: 'Europe',
    started_at: started,
    next_update_due: addMs(now, 24 * MINUTE),
  });
  await makeUpdate(db, incident.seq, {
    kind: 'initial',
    posted_at: addMs(now, -47 * MINUTE),
    body: 'Some customers see an error when paying by card. We are looking into it.',
  });
  await makeUpdate(db, incident.seq, {
    kind: 'holding',
    posted_at: addMs(now, -30 * MINUTE),
    body: 'We are still looking into failed checkouts. Nothing new to report yet; orders already placed are safe.',
  });
  await makeUpdate(db, incident.seq, {
    status: 'identified',
    posted_at: addMs(now, -6 * MINUTE),
    body: 'A payment provider in Frankfurt is rejecting about **one in three** card payments. We are moving European card traffic to a second provider.',
    affected: 'About 30% of card payments in Europe',
    workaround: 'Bank transfer and gift cards work. Browsing, sign-in and existing orders are not affected.',
    next_update_by: addMs(now, 24 * MINUTE),
    edited_at: addMs(now, -2 * MINUTE),
  });
  for (const [name, status] of [
    ['Checkout', 'major_outage'],
    ['Card payments', 'partial_outage'],
    ['Cart', 'degraded_performance'],
    ['Europe (Frankfurt)', 'partial_outage'],
  ] as const)
    await makeClaim(db, { component_id: id(name), source_seq: incident.seq, status, starts_at: started });
  return incident;
}

async function webhooks(db: Db, id: (name: string) => string, now: Instant) {
  const started = addMs(now, -3 * HOUR);
  const incident = await makeIncident(db, {
    title: 'Webhooks arrive up to ten minutes late',
    severity: 'SEV3',
    status: 'monitoring',
    started_at: started,
    next_update_due: addMs(now, 70 * MINUTE),
  });
  await makeUpdate(db, incident.seq, {
    posted_at: addMs(started, 20 * MINUTE),
    body: 'Webhooks are delivered late because a queue is longer than usual. None are lost.',
  });
  await makeUpdate(db, incident.seq, {
    status: 'monitoring',
    posted_at: addMs(now, -50 * MINUTE),
    body: 'We added workers and the queue is getting shorter. We expect normal delivery times within the hour.',
    estimate: 'Within the hour',
  });
  await makeClaim(db, {
    component_id: id('Webhooks'),
    source_seq: incident.seq,
    status: 'degraded_performance',
    starts_at: started,
  });
  return incident;
}

async function search(db: Db, id: (name: string) => string, now: Instant) {
  const started = addMs(now, -95 * MINUTE);
  const incident = await makeIncident(db, {
    title: 'Product search misses new products',
    severity: 'SEV2',
    status: 'investigating',
    started_at: started,
    next_update_due: addMs(now, -5 * MINUTE),
  });
  await makeUpdate(db, incident.seq, {
    posted_at: addMs(now, -65 * MINUTE),
    body: 'Products added since this morning do not show up in search. They can be found by their category.',
    workaround: 'Browse by category',
  });
  await makeClaim(db, {
    component_id: id('Product search'),
    source_seq: incident.seq,
    status: 'partial_outage',
    starts_at: started,
  });
  return incident;
}

async function payouts(db: Db, id: (name: string) => string, now: Instant) {
  const running = await makeIncident(db, {
    kind: 'maintenance',
    title: 'Live chat moves to a new region',
    severity: 'SEV4',
    status: 'in_progress',
    started_at: addMs(now, -20 * MINUTE),
    scheduled_for: addMs(now, -20 * MINUTE),
    scheduled_until: addMs(now, 100 * MINUTE),
  });
  await makeUpdate(db, running.seq, {
    status: 'in_progress',
    posted_at: addMs(now, -20 * MINUTE),
    body: 'Chats that are open now go on; new ones start within a minute or two.',
  });
  await makeClaim(db, {
    component_id: id('Live chat'),
    source_kind: 'maintenance',
    source_seq: running.seq,
    status: 'under_maintenance',
    starts_at: addMs(now, -20 * MINUTE),
  });
  const ahead = addMs(now, 36 * HOUR);
  const planned = await makeIncident(db, {
    kind: 'maintenance',
    title: 'Payouts database upgrade',
    severity: 'SEV4',
    status: 'scheduled',
    started_at: ahead,
    scheduled_for: ahead,
    scheduled_until: addMs(ahead, 2 * HOUR),
    published_at: addMs(now, -3 * DAY),
  });
  await makeUpdate(db, planned.seq, {
    status: 'scheduled',
    posted_at: addMs(now, -3 * DAY),
    body: 'Payouts pause for up to 30 minutes. Nothing else is affected.',
  });
  await makeClaim(db, {
    component_id: id('Payouts'),
    source_kind: 'maintenance',
    source_seq: planned.seq,
    status: 'under_maintenance',
    starts_at: ahead,
    ends_at: addMs(ahead, 2 * HOUR),
  });
}
