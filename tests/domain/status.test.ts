import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allowedNextStatuses,
  COMPONENT_STATUSES,
  INCIDENT_STATUSES,
  isComponentStatus,
  isOver,
  MAINTENANCE_STATUSES,
  STATUS_LABELS,
  statusRank,
  worstStatus,
} from '#domain/status.ts';

describe('what may follow a status', () => {
  it.each([
    ['investigating', ['investigating', 'identified', 'monitoring', 'resolved']],
    ['identified', ['identified', 'investigating', 'monitoring', 'resolved']],
    ['monitoring', ['monitoring', 'investigating', 'identified', 'resolved']],
    ['resolved', ['resolved', 'investigating', 'identified', 'monitoring', 'postmortem']],
    ['postmortem', ['postmortem']],
    ['scheduled', ['scheduled', 'in_progress', 'completed']],
    ['in_progress', ['in_progress', 'verifying', 'completed']],
    ['verifying', ['verifying', 'in_progress', 'completed']],
    ['completed', ['completed']],
  ] as const)('%s', (current, next) => expect(allowedNextStatuses(current)).toEqual(next));

  it('never leads from an incident into a maintenance or back, and every status has a word', () => {
    for (const [own, other] of [
      [INCIDENT_STATUSES, MAINTENANCE_STATUSES],
      [MAINTENANCE_STATUSES, INCIDENT_STATUSES],
    ] as const)
      for (const status of own) {
        expect(
          allowedNextStatuses(status).filter((next) => (other as readonly string[]).includes(next)),
        ).toEqual([]);
        expect(STATUS_LABELS[status]).toMatch(/^[A-Z][a-z ]+$/);
      }
  });

  it('calls over what is resolved, has its postmortem, or is completed', () => {
    expect([...INCIDENT_STATUSES, ...MAINTENANCE_STATUSES].filter(isOver)).toEqual([
      'resolved',
      'postmortem',
      'completed',
    ]);
  });
});

describe('the worst status', () => {
  it('is one of those given, and none is worse', () => {
    const statuses = fc.array(fc.constantFrom(...COMPONENT_STATUSES));
    fc.assert(
      fc.property(statuses, (given) => {
        const worst = worstStatus(given);
        expect(given.length ? given : ['operational']).toContain(worst);
        for (const status of given) expect(statusRank(status)).toBeLessThanOrEqual(statusRank(worst));
      }),
    );
  });

  it('counts maintenance as milder than any trouble', () => {
    expect(worstStatus(['under_maintenance', 'degraded_performance'])).toBe('degraded_performance');
    expect(worstStatus(['operational', 'under_maintenance'])).toBe('under_maintenance');
    expect(worstStatus([])).toBe('operational');
    expect(['major_outage', 'down', undefined].map(isComponentStatus)).toEqual([true, false, false]);
  });
});
