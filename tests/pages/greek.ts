import type { Db } from '#db/open.ts';
import { updatePage } from '#db/page.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE } from '#domain/time.ts';
import {
  makeClaim,
  makeComponent,
  makeGroup,
  makeIncident,
  makePage,
  makeUpdate,
} from '../support/factory.ts';

/**
 * A page on which everything that someone can type is Greek, so that each Latin letter on it comes from us: trouble of every kind, planned
 * work, history, and a promise that was missed.
 */
export async function makeGreek(db: Db, now: Instant): Promise<string[]> {
  await makePage(db, { name: 'Λιμάνι', version: 7, updated_at: now, support_url: 'https://x.example/help' });
  await db.write((tx) => updatePage(tx, { showKept: true }));
  const group = await makeGroup(db, { name: 'Αγορά' });
  const born = { created_at: addMs(now, -200 * DAY) };
  const [pay, cart, alone] = await Promise.all([
    makeComponent(db, { ...born, name: 'Ταμείο', group_id: group.id, description: 'Πληρωμές' }),
    makeComponent(db, {
      ...born,
      name: 'Καλάθι',
      group_id: group.id,
      upstream_name: 'Τράπεζα',
      upstream_url: 'https://up.example/',
    }),
    makeComponent(db, { ...born, name: 'Χάρτης' }),
  ]);
  const times = { started_at: addMs(now, -2 * HOUR), declared_at: addMs(now, -2 * HOUR) };
  const open = await makeIncident(db, {
    ...times,
    title: 'Δεν λειτουργεί',
    scope: 'Ευρώπη',
    status: 'identified',
    next_update_due: addMs(now, HOUR),
  });
  for (const [i, status] of (['investigating', 'identified', 'identified', 'monitoring'] as const).entries())
    await makeUpdate(db, open.seq, {
      status,
      body: 'Κοιτάμε.',
      scope: 'Ευρώπη',
      affected: 'Πολλοί',
      workaround: 'Μετρητά',
      estimate: 'Σήμερα',
      posted_at: addMs(now, (i - 60) * MINUTE),
      edited_at: addMs(now, -MINUTE),
      component_changes: JSON.stringify([
        { code: pay.id, name: 'Ταμείο', old_status: 'operational', new_status: 'major_outage' },
      ]),
    });
  await makeClaim(db, {
    component_id: pay.id,
    source_seq: open.seq,
    status: 'major_outage',
    starts_at: addMs(now, -2 * HOUR),
  });
  const late = await makeIncident(db, {
    ...times,
    title: 'Αργεί',
    next_update_due: addMs(now, -MINUTE),
  });
  await makeUpdate(db, late.seq, { body: 'Αργεί.', posted_at: addMs(now, -40 * MINUTE) });
  const ended = await makeIncident(db, {
    title: 'Παλιό',
    status: 'resolved',
    severity: 'SEV3',
    started_at: addMs(now, -3 * DAY),
    resolved_at: addMs(now, -3 * DAY + 125 * MINUTE),
    updated_at: addMs(now, -3 * DAY + 125 * MINUTE),
  });
  await makeUpdate(db, ended.seq, { status: 'resolved', body: 'Τέλος.', posted_at: addMs(now, -2 * DAY) });
  for (const [component_id, status] of [
    [cart.id, 'partial_outage'],
    [cart.id, 'degraded_performance'],
    [alone.id, 'degraded_performance'],
  ] as const)
    await makeClaim(db, {
      component_id,
      status,
      source_seq: ended.seq,
      starts_at: addMs(now, -3 * DAY),
      ends_at: addMs(now, -3 * DAY + (status === 'partial_outage' ? 40_000 : 2 * HOUR)),
    });
  const work = [];
  for (const [title, status, from] of [
    ['Εργασίες', 'in_progress', -HOUR],
    ['Αναβάθμιση', 'scheduled', 2 * DAY],
    ['Έγιναν', 'completed', -5 * DAY],
    ['Ματαίωση', 'completed', 3 * DAY],
  ] as const) {
    const planned = addMs(now, from);
    const made = await makeIncident(db, {
      title,
      status,
      kind: 'maintenance',
      severity: 'SEV4',
      started_at: planned,
      scheduled_for: planned,
      scheduled_until: addMs(planned, 3 * HOUR),
      published_at: addMs(now, -6 * DAY),
      resolved_at: status === 'completed' ? addMs(now, Math.min(from + HOUR, -HOUR)) : null,
    });
    await makeUpdate(db, made.seq, {
      status: 'scheduled',
      body: 'Δουλειά.',
      posted_at: addMs(now, -6 * DAY),
    });
    await makeClaim(db, {
      component_id: alone.id,
      source_kind: 'maintenance',
      source_seq: made.seq,
      status: 'under_maintenance',
      starts_at: planned,
      ends_at: status === 'completed' ? addMs(planned, HOUR) : null,
    });
    work.push(`/maintenance/${made.id}`);
  }
  return [
    '/',
    '/history',
    `/history/${now.slice(0, 7)}`,
    '/on-time',
    ...[open, late, ended].map(({ id }) => `/incidents/${id}`),
    ...work,
    ...[pay, cart, alone].map(({ id }) => `/components/${id}`),
    '/nothing',
  ];
}
