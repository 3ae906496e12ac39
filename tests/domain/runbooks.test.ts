import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLOSING_STEP,
  fitsIncident,
  fitsText,
  MAX_STEP,
  MAX_STEPS,
  monthsLater,
  parseSteps,
  reviewOf,
  stepsText,
} from '#domain/runbooks.ts';
import { SEVERITIES } from '#domain/severity.ts';

const stepsOf = (text: string) => {
  const parsed = parseSteps(text);
  return 'steps' in parsed ? parsed.steps : parsed.problem;
};

describe('the steps as they are written', () => {
  it('are one a line, in order, with a web address at the end as their link', () => {
    expect(stepsOf('Pause campaigns\n\n  Watch mentions https://watch.example/q?a=b#c \n')).toEqual([
      { text: 'Pause campaigns', link: null },
      { text: 'Watch mentions', link: 'https://watch.example/q?a=b#c' },
    ]);
  });

  it('may be pasted from a list, with the closing step that comes by itself', () => {
    expect(
      stepsOf(`- one\n* two\n3. three\n4) four\n- [ ] five\n- [x] six\n${CLOSING_STEP.toUpperCase()}`),
    ).toEqual(['one', 'two', 'three', 'four', 'five', 'six'].map((text) => ({ text, link: null })));
    // What only looks like a mark is a part of the step.
    expect(stepsOf('-1 is the code\n1.5 hours at most\n2026. A year')).toEqual(
      ['-1 is the code', '1.5 hours at most', '2026. A year'].map((text) => ({ text, link: null })),
    );
  });

  it('take nothing for a link that a browser would run or cannot open', () => {
    for (const line of [
      'Do it javascript:alert(1)',
      'Do it data:text/html,x',
      'Do it http://',
      'See https://a.example now',
    ])
      expect(stepsOf(line)).toEqual([{ text: line, link: null }]);
    expect(stepsOf('https://wiki.example/legal')).toEqual([
      { text: 'wiki.example', link: 'https://wiki.example/legal' },
    ]);
    const [hostile] = stepsOf('Open https://x.example/"><script>') as { link: string }[];
    expect(hostile?.link).not.toMatch(/["<>]/);
  });

  it('say what is wrong with too few, too many or too long ones', () => {
    expect(stepsOf(CLOSING_STEP)).toBe('There is no step yet. Write one a line.');
    expect(stepsOf('x\n'.repeat(MAX_STEPS))).toHaveLength(MAX_STEPS);
    expect(stepsOf('x\n'.repeat(MAX_STEPS + 1))).toContain(`These are ${MAX_STEPS + 1} steps.`);
    expect(stepsOf(`a\n${'x'.repeat(MAX_STEP + 1)}`)).toContain('Step 2 is too long');
    expect(stepsOf(`a https://x.example/${'x'.repeat(500)}`)).toContain('The link of step 1 is too long');
  });

  it('read the same once they were written out again', () => {
    const word = fc.oneof(fc.stringMatching(/^[A-Za-z0-9é“.:/-]{1,12}$/), fc.constantFrom('-', '1.', '[x]'));
    const line = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' '));
    const link = fc.constantFrom('', ' https://a.example/', ' http://b.example/c?d=e');
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(line, link).map((parts) => parts.join('')),
          { minLength: 1, maxLength: 9 },
        ),
        (lines) => {
          const once = parseSteps(lines.join('\n'));
          if (!('steps' in once)) return;
          expect(parseSteps(stepsText(once.steps))).toEqual(once);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('which incidents a runbook fits', () => {
  const checkout = { id: 'c1', name: 'Checkout' };

  it('are those of its severities and of its component, and any where it names none', () => {
    const fits = (severities: ('SEV1' | 'SEV2')[], component: typeof checkout | null, components: string[]) =>
      SEVERITIES.filter((severity) =>
        fitsIncident({ severities, component }, { severity, components }),
      ).join();
    expect(fits([], null, [])).toBe('SEV1,SEV2,SEV3,SEV4');
    expect(fits(['SEV1', 'SEV2'], null, ['c9'])).toBe('SEV1,SEV2');
    expect(fits([], checkout, ['c9', 'c1'])).toBe('SEV1,SEV2,SEV3,SEV4');
    expect(fits(['SEV1'], checkout, ['c1'])).toBe('SEV1');
    expect(fits(['SEV1'], checkout, ['c9'])).toBe('');
  });

  it('are said in words', () => {
    expect(fitsText({ severities: [], component: null })).toBe('Every incident');
    expect(fitsText({ severities: ['SEV1'], component: null })).toBe('SEV1');
    expect(fitsText({ severities: ['SEV1', 'SEV2', 'SEV3'], component: checkout })).toBe(
      'SEV1, SEV2 and SEV3, Checkout',
    );
  });
});

describe('a review', () => {
  const review = (reviewedAt: string | null, now: string, zone = 'UTC') =>
    reviewOf(
      { reviewed: reviewedAt ? { at: reviewedAt, by: 'Mia' } : null, createdAt: '2026-01-31T12:00:00.000Z' },
      now,
      zone,
    );

  it('holds for a quarter, to the end of its last day', () => {
    expect(review('2026-08-21T23:59:00.000Z', '2026-11-21T23:59:59.999Z')).toEqual({
      due: '2026-11-21',
      overdue: false,
    });
    expect(review('2026-08-21T00:00:00.000Z', '2026-11-22T00:00:00.000Z').overdue).toBe(true);
  });

  it('is reckoned in the page’s days', () => {
    // 1 September in Auckland already, and there a day later than in Los Angeles.
    const at = '2026-08-31T13:00:00.000Z';
    expect(review(at, at, 'Pacific/Auckland').due).toBe('2026-12-01');
    expect(review(at, at, 'America/Los_Angeles').due).toBe('2026-11-30');
    expect(review(at, '2026-12-01T07:59:00.000Z', 'America/Los_Angeles').overdue).toBe(false);
    expect(review(at, '2026-12-01T08:00:00.000Z', 'America/Los_Angeles').overdue).toBe(true);
  });

  it('is due a quarter after it was written while nobody has reviewed it, on the last day of a shorter month', () => {
    expect(review(null, '2026-04-30T12:00:00.000Z')).toEqual({ due: '2026-04-30', overdue: false });
    expect(review(null, '2026-05-01T00:00:00.000Z').overdue).toBe(true);
    expect(monthsLater('2026-11-30', 3)).toBe('2027-02-28');
    expect(monthsLater('2027-11-30', 3)).toBe('2028-02-29');
    expect(monthsLater('2026-12-31', 2)).toBe('2027-02-28');
  });

  it('is never overdue before three months less a day have passed, nor fresh after 93 days', () => {
    const DAY = 86_400_000;
    const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia', 'Asia/Kathmandu'];
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
        fc.constantFrom(...zones),
        (date, zone) => {
          const at = date.toISOString();
          const later = (days: number) => new Date(date.getTime() + days * DAY).toISOString();
          expect(review(at, later(88), zone).overdue).toBe(false);
          expect(review(at, later(94), zone).overdue).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
