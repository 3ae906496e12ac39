import { describe, expect, it } from 'vitest';
import { type PagerCall, pagerFollowUp, pagerSample, pagerTrigger } from '#formats/pager.ts';

const call: PagerCall = {
  site: { name: 'Harbour', url: 'https://status.example.com' },
  incident: { id: 'abc', severity: 'SEV2', declaredAt: '2026-11-20T14:00:00.000Z' },
  call: { clock: 'internal', kind: 'late', due: '2026-11-20T14:30:00.000Z' },
  summary: '[SEV2] Late: internal update was due 14:30 UTC: Checkout',
  words: 'Colleagues still wait for it. Open since 14:00 UTC.',
  called: ['Ada', 'Mia'],
  link: { words: 'Post it', url: 'https://status.example.com/admin/incidents/abc/next?inside' },
  alert: 1,
  now: '2026-11-20T14:35:00.000Z',
};

describe('what a pager is told', () => {
  it('severities in its own words', () => {
    const words = (['SEV1', 'SEV2', 'SEV3', 'SEV4'] as const).map((severity) => {
      const { payload } = pagerTrigger({ ...call, incident: { ...call.incident, severity } });
      return (payload as { severity: string }).severity;
    });
    expect(words).toEqual(['critical', 'error', 'warning', 'info']);
  });

  it('one key from the call to its end, another for another clock, and for what is called after “I have it”', () => {
    const about = { site: call.site, incidentId: 'abc', clock: 'internal' as const };
    expect(pagerTrigger(call).dedup_key).toBe('foghorn-abc-internal');
    expect(pagerTrigger({ ...call, alert: 2 }).dedup_key).toBe('foghorn-abc-internal-2');
    for (const action of ['acknowledge', 'resolve'] as const) {
      expect(pagerFollowUp(action, { ...about, alerts: [1, 2] })).toEqual(
        ['foghorn-abc-internal', 'foghorn-abc-internal-2'].map((dedup_key) => ({
          event_action: action,
          dedup_key,
          client: 'Foghorn',
          client_url: 'https://status.example.com/admin',
        })),
      );
      const [other] = pagerFollowUp(action, { ...about, clock: 'public', alerts: [1] });
      expect(other?.dedup_key).toBe('foghorn-abc-public');
    }
  });

  it('at most what it takes of a summary, never half a character', () => {
    const { payload } = pagerTrigger({ ...call, summary: '🚨'.repeat(2_000) });
    const { summary } = payload as { summary: string };
    expect(summary.length).toBeLessThanOrEqual(1_024);
    expect(summary).toMatch(/^(🚨)+…$/u);
  });

  it('a test that asks for nothing and ends itself', () => {
    const [trigger, resolve] = pagerSample(call.site, 'key', call.now);
    expect(trigger).toMatchObject({
      event_action: 'trigger',
      dedup_key: 'key',
      payload: { severity: 'info' },
    });
    expect(resolve).toMatchObject({ event_action: 'resolve', dedup_key: 'key' });
  });

  it('no routing key: that is put in when it is sent', () => {
    expect(JSON.stringify([pagerTrigger(call), pagerSample(call.site, 'key', call.now)])).not.toContain(
      'routing_key',
    );
  });
});
