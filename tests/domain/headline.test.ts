import { describe, expect, it } from 'vitest';
import { headlineOf, type OpenIncident, type Situation } from '#domain/headline.ts';

const NOW = '2026-11-20T15:06:00.000Z';
const CALM: Situation = {
  incidents: [],
  maintenance: [],
  components: [
    { name: 'Checkout', status: 'operational' },
    { name: 'Cart', status: 'operational' },
  ],
};

function incident(changes: Partial<OpenIncident> = {}): OpenIncident {
  return {
    title: 'Checkout is failing for some customers',
    scope: null,
    status: 'investigating',
    impact: 'critical',
    startedAt: '2026-11-20T14:15:00.000Z',
    workaround: null,
    nextUpdateDue: null,
    lastUpdateAt: '2026-11-20T15:00:00.000Z',
    ...changes,
  };
}

describe('the headline', () => {
  it('says that all is well only when nothing is wrong', () => {
    expect(headlineOf(CALM, NOW)).toEqual({
      text: 'All systems are operational.',
      status: 'operational',
      since: null,
      ofSeveral: false,
      lede: [],
      promise: null,
    });
    expect(headlineOf({ ...CALM, incidents: [incident({ impact: 'none' })] }, NOW).text).not.toContain(
      'operational',
    );
  });

  it('is the title of the one open incident, with where it is felt, since when, and what still works', () => {
    const headline = headlineOf(
      { ...CALM, incidents: [incident({ scope: 'EU only', workaround: 'Bank transfer works' })] },
      NOW,
    );
    expect(headline).toMatchObject({
      text: 'Checkout is failing for some customers (EU only).',
      status: 'major_outage',
      since: '2026-11-20T14:15:00.000Z',
      lede: ['Bank transfer works.'],
    });
  });

  it('says the one that is graver than all others, then what else is open', () => {
    const grave = incident({ title: 'Checkout is failing', workaround: 'Bank transfer works' });
    const mild = incident({
      title: 'Search is slow',
      impact: 'minor',
      startedAt: '2026-11-20T10:00:00.000Z',
    });
    expect(headlineOf({ ...CALM, incidents: [mild, grave] }, NOW)).toMatchObject({
      text: 'Checkout is failing.',
      since: grave.startedAt,
      ofSeveral: false,
      lede: ['Bank transfer works.', 'Also open: Search is slow.'],
    });
  });

  it('counts several that are equally grave, the gravest first, and says how much is affected', () => {
    const headline = headlineOf(
      {
        ...CALM,
        components: [
          { name: 'Checkout', status: 'major_outage' },
          { name: 'Cart', status: 'operational' },
        ],
        incidents: [
          incident({ title: 'Search is slow.', impact: 'minor', startedAt: '2026-11-20T10:00:00.000Z' }),
          incident(),
          incident({ title: 'Webhooks are late', scope: 'EU', startedAt: '2026-11-20T13:00:00.000Z' }),
        ],
      },
      NOW,
    );
    expect(headline.text).toBe(
      '3 incidents are open: Checkout is failing for some customers; Webhooks are late (EU); Search is slow.',
    );
    expect(headline.since).toBe('2026-11-20T10:00:00.000Z');
    expect(headline.lede).toEqual(['1 of 2 components is affected.']);
  });

  it('names no more than it must', () => {
    const many = ['A', 'B', 'C', 'D', 'E'].map((title) => incident({ title }));
    expect(headlineOf({ ...CALM, incidents: many }, NOW).text).toBe(
      '5 incidents are open: A; B; and 3 more.',
    );
  });

  it('says so when a fix is being watched', () => {
    expect(headlineOf({ ...CALM, incidents: [incident({ status: 'monitoring' })] }, NOW).lede).toEqual([
      'A fix is in place and we are watching it.',
    ]);
  });

  it('names a component that someone set by hand, though no incident is open', () => {
    const components = [
      { name: 'Cart', status: 'degraded_performance' as const },
      { name: 'Checkout', status: 'partial_outage' as const },
    ];
    expect(headlineOf({ ...CALM, components }, NOW)).toMatchObject({
      text: 'Partial outage: Checkout.',
      status: 'partial_outage',
    });
  });

  it('enumerates components as people do', () => {
    const degraded = (...names: string[]) =>
      headlineOf(
        { ...CALM, components: names.map((name) => ({ name, status: 'degraded_performance' as const })) },
        NOW,
      ).text;
    expect(degraded('Cart', 'Search')).toBe('Degraded: Cart and Search.');
    expect(degraded('Cart', 'Search', 'API')).toBe('Degraded: Cart, Search and API.');
    expect(degraded('Cart', 'Search', 'API', 'Mail')).toBe('Degraded: Cart, Search and 2 more.');
  });

  it('tells of maintenance when that is all there is', () => {
    const components = [{ name: 'Payouts', status: 'under_maintenance' as const }];
    expect(
      headlineOf(
        { ...CALM, components, maintenance: [{ title: 'Database upgrade', scope: 'EU only' }] },
        NOW,
      ),
    ).toMatchObject({
      text: 'Maintenance is under way: Database upgrade (EU only).',
      status: 'under_maintenance',
    });
    expect(headlineOf({ ...CALM, components }, NOW).text).toBe('Maintenance: Payouts.');
  });
});

describe('the promise', () => {
  it('is the one that falls due first, and names its incident when there are several', () => {
    const first = incident({ title: 'A', scope: 'EU only', nextUpdateDue: '2026-11-20T15:30:00.000Z' });
    const later = incident({ title: 'B', nextUpdateDue: '2026-11-20T16:00:00.000Z' });
    expect(headlineOf({ ...CALM, incidents: [later, first] }, NOW).promise).toEqual({
      due: '2026-11-20T15:30:00.000Z',
      from: '2026-11-20T15:00:00.000Z',
      late: false,
      title: 'A (EU only)',
    });
    expect(headlineOf({ ...CALM, incidents: [first] }, NOW).promise?.title).toBeNull();
  });

  it('is late from the minute it was due, and never for an incident without a clock', () => {
    expect(headlineOf({ ...CALM, incidents: [incident({ nextUpdateDue: NOW })] }, NOW).promise?.late).toBe(
      true,
    );
    expect(headlineOf({ ...CALM, incidents: [incident()] }, NOW).promise).toBeNull();
  });
});
