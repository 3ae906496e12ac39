import type { UpdateMail } from '#emails/render.ts';

/** The third update of a SEV1, as the Comms Lead of the demo would write it. */
export const PROGRESS: UpdateMail = {
  site: { name: 'Harbour status', url: 'https://status.harbour.example', timeZone: 'UTC' },
  incident: {
    id: 'k3j9x0q2m8ab',
    kind: 'incident',
    title: 'Checkout failures for card payments',
    status: 'identified',
    severity: 'SEV1',
    scope: 'EU only',
    startedAt: '2026-11-20T14:15:00.000Z',
  },
  update: {
    kind: 'progress',
    status: 'identified',
    body: `A payment provider in Frankfurt is rejecting about **one in three** card payments. We are moving European card traffic to a second provider.

Orders already placed are safe:

- paid orders ship as usual
- nobody is charged twice ([how we know](https://harbour.example/payments))`,
    scope: null,
    affected: 'About one in three card payments in Europe since 14:15 UTC.',
    workaround: 'Bank transfer and gift cards work. Browsing, sign-in and existing orders work normally.',
    estimate: null,
    nextUpdateBy: '2026-11-20T15:30:00.000Z',
    postedAt: '2026-11-20T15:06:00.000Z',
  },
  components: [
    { name: 'Checkout', status: 'major_outage' },
    { name: 'Card payments', status: 'partial_outage' },
    { name: 'Europe (Frankfurt)', status: 'degraded_performance' },
  ],
  earlier: [
    {
      status: 'investigating',
      body: 'We are still looking into failed checkouts. Nothing new to report yet; orders already placed are safe.',
      postedAt: '2026-11-20T14:36:00.000Z',
    },
    {
      status: 'investigating',
      body: 'Some customers see an error when paying by card. We are looking into it.',
      postedAt: '2026-11-20T14:19:00.000Z',
    },
  ],
  now: '2026-11-20T15:06:00.000Z',
};

export const RESOLVED: UpdateMail = {
  ...PROGRESS,
  incident: { ...PROGRESS.incident, status: 'resolved' },
  update: {
    ...PROGRESS.update,
    kind: 'resolution',
    status: 'resolved',
    body: 'Card payments work again for everyone. The second provider carries all European card traffic.',
    affected: null,
    workaround: null,
    nextUpdateBy: null,
    postedAt: '2026-11-20T15:52:00.000Z',
  },
  components: PROGRESS.components.map(({ name }) => ({ name, status: 'operational' })),
};

export const SCHEDULED: UpdateMail = {
  ...PROGRESS,
  incident: {
    ...PROGRESS.incident,
    kind: 'maintenance',
    title: 'New hardware for the order database',
    status: 'scheduled',
    scope: null,
    scheduledFor: '2026-11-22T02:00:00.000Z',
    scheduledUntil: '2026-11-22T04:00:00.000Z',
  },
  update: {
    ...PROGRESS.update,
    kind: 'initial',
    status: 'scheduled',
    body: 'We move the order database to new hardware. Reading works throughout; placing orders pauses for up to ten minutes.',
    affected: 'Everyone who places an order during the window.',
    workaround: null,
    nextUpdateBy: null,
  },
  components: [{ name: 'Checkout', status: 'under_maintenance' }],
  earlier: [],
};
