import { describe, expect, it } from 'vitest';
import { isAskedAgain } from '#domain/approvalAsks.ts';
import { DEFAULT_HOURS } from '#domain/cadence.ts';
import { DEFAULT_POLICIES, type Severity } from '#domain/severity.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE } from '#domain/time.ts';

const AT = '2026-11-20T14:00:00.000Z';
const later = (minutes: number, seconds = 0) => addMs(AT, minutes * MINUTE + seconds * 1000);

/** An update that waits for an approver since 14:00, the public word being due at 14:05. The clock looks each second. */
function waiting({
  severity = 'SEV1' as Severity,
  askedAt = AT,
  due = later(5) as Instant | null,
  over = false,
} = {}) {
  const pace = { policy: DEFAULT_POLICIES[severity], hours: { ...DEFAULT_HOURS, zone: 'UTC' } };
  let toldAllAt: Instant | null = null;
  const look = (now: Instant) => {
    const asked = isAskedAgain({ askedAt, toldAllAt }, { due, over, pace, holds: [] }, now);
    if (asked) toldAllAt = now;
    return asked;
  };
  const watch = (from: Instant, until: Instant) => {
    const asked: string[] = [];
    for (let now = from; now <= until; now = addMs(now, 1000)) if (look(now)) asked.push(now.slice(11, 19));
    return asked;
  };
  return { look, watch };
}

describe('every approver is asked about an update that waits', () => {
  it('once it is late, and as often as staff are called', () => {
    expect(waiting().watch(AT, later(16))).toEqual(['14:05:00', '14:10:00', '14:15:00']);
    expect(waiting({ due: null }).watch(AT, later(31))).toEqual(['14:15:00', '14:30:00']);
  });

  it('at the opening about what was late in the night', () => {
    const { look } = waiting({ severity: 'SEV3', due: '2026-11-20T17:00:00.000Z' });
    expect(look('2026-11-20T17:00:00.000Z')).toBe(true);
    expect(look('2026-11-22T12:00:00.000Z')).toBe(false);
    expect(look('2026-11-23T09:00:00.000Z')).toBe(true);
  });

  it('as before once a clock is put right that had leapt ahead, and not each second', () => {
    const { look, watch } = waiting();
    watch(AT, later(12));
    expect(look(addMs(later(12), DAY))).toBe(true);
    expect(watch(later(12, 1), later(26))).toEqual(['14:15:00', '14:20:00', '14:25:00']);
  });

  it('though it was written by such a clock', () => {
    const { watch } = waiting({ askedAt: addMs(AT, DAY), due: null });
    expect(watch(AT, later(31))).toEqual(['14:00:00', '14:15:00', '14:30:00']);
    const over = waiting({ askedAt: addMs(AT, 3 * DAY), due: null, over: true });
    expect(over.watch(AT, later(31))).toEqual(['14:00:00']);
  });

  it('some times an interval, no more, by two machines whose clocks disagree', () => {
    const { look } = waiting();
    let asked = 0;
    for (let second = 300; second < 3900; second++) {
      if (look(later(0, second))) asked++;
      if (look(addMs(later(0, second), HOUR))) asked++;
    }
    expect(asked).toBeLessThan(12 * 12);
  });
});
