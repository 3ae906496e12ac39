import { describe, expect, it } from 'vitest';
import { type GlanceMatter, type GlancePart, glanceOf } from '#domain/glance.ts';

const NOW = '2026-11-21T12:00:00.000Z';
const PAGE: GlancePart = { kind: 'page', id: null, name: 'Harbour' };
const PAY: GlancePart = { kind: 'component', id: 'pay', name: 'Payments' };
const SHOP: GlancePart = { kind: 'group', id: 'shop', name: 'Shop' };

const up = (id: string, name: string) => ({ id, name, status: 'operational' as const });
const matter = (changes: Partial<GlanceMatter>): GlanceMatter => ({
  id: 'i1',
  kind: 'incident',
  title: 'Checkout is failing',
  scope: null,
  status: 'investigating',
  impact: 'critical',
  startedAt: '2026-11-21T11:00:00.000Z',
  workaround: null,
  nextUpdateDue: '2026-11-21T12:15:00.000Z',
  lastUpdateAt: '2026-11-21T11:45:00.000Z',
  touches: ['pay'],
  ...changes,
});

describe('a glance', () => {
  it('of a part names the part, and is not worse than its own components are', () => {
    const troubled = { ...up('pay', 'Payments'), status: 'degraded_performance' as const };
    const glance = glanceOf(PAY, [troubled], [matter({})], NOW);
    expect(glance).toMatchObject({
      status: 'degraded_performance',
      lead: 'Payments: degraded',
      headline: { text: 'Checkout is failing.', promise: { due: '2026-11-21T12:15:00.000Z' } },
      path: '/components/pay',
      also: [],
    });
  });

  it('says nothing of what is wrong elsewhere', () => {
    const glance = glanceOf(PAY, [up('pay', 'Payments')], [matter({ touches: ['mail'] })], NOW);
    expect(glance).toMatchObject({ status: 'operational', lead: null, also: [] });
    expect(glance.headline).toMatchObject({ text: 'Payments is operational.', promise: null, since: null });
  });

  it('of a part in trouble without an incident says so in one sentence', () => {
    const down = { ...up('pay', 'Payments'), status: 'major_outage' as const };
    expect(glanceOf(PAY, [down], [], NOW).headline.text).toBe('Payments has a major outage.');
    expect(glanceOf(SHOP, [down, up('cart', 'Cart')], [], NOW)).toMatchObject({
      status: 'major_outage',
      lead: null,
      headline: { text: 'Major outage: Payments.' },
      path: '/',
    });
  });

  it('of the whole page says what the page says first, and names what else is open once', () => {
    const parts = [{ ...up('pay', 'Payments'), status: 'partial_outage' as const }, up('mail', 'Mail')];
    expect(glanceOf(PAGE, parts, [], NOW).headline.text).toBe('Partial outage: Payments.');
    const works = matter({
      id: 'm1',
      kind: 'maintenance',
      title: 'Mail moves',
      impact: 'maintenance',
      touches: ['mail'],
    });
    const glance = glanceOf(PAGE, parts, [matter({}), works], NOW);
    expect(glance).toMatchObject({ status: 'major_outage', lead: 'Major outage', path: '/' });
    expect(glance.also.map(({ id }) => id)).toEqual(['m1']);
    const two = glanceOf(PAGE, parts, [matter({}), matter({ id: 'i2', title: 'Mail is late' })], NOW);
    expect(two.headline.text).toBe('2 incidents are open: Checkout is failing; Mail is late.');
    expect(two.also.map(({ id }) => id)).toEqual(['i1', 'i2']);
    // One that is without impact is open all the same.
    const slight = glanceOf(PAGE, [up('pay', 'Payments')], [matter({ impact: 'none' })], NOW);
    expect(slight).toMatchObject({ status: 'operational', open: 1, lead: null });
    expect(glanceOf(PAGE, [up('pay', 'Payments')], [], NOW)).toMatchObject({
      open: 0,
      lead: null,
      headline: { text: 'All systems are operational.' },
    });
  });
});
