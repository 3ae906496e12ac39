import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wcagContrast } from 'culori';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReadable, PAPER, readableAccent } from '#domain/accent.ts';
import { BACKGROUNDS } from '#domain/brand.ts';

const colour = fc.integer({ min: 0, max: 0xffffff }).map((rgb) => `#${rgb.toString(16).padStart(6, '0')}`);

describe('an accent', () => {
  it('whatever the owner chose can be read on light and on dark', () => {
    fc.assert(
      fc.property(colour, fc.constantFrom(...BACKGROUNDS), (hex, background) => {
        const shown = readableAccent(hex, background);
        expect(shown).toMatch(/^#[0-9a-f]{6}$/);
        expect(wcagContrast(shown, PAPER[background])).toBeGreaterThanOrEqual(4.5);
        if (isReadable(hex, background)) expect(shown).toBe(hex);
      }),
      { numRuns: 5000 },
    );
  });

  it('is changed no more than it must be', () => {
    expect(readableAccent('#1f5fbf', 'light')).toBe('#1f5fbf');
    // A yellow that nobody can read on white becomes a dark one, not black.
    const mustard = readableAccent('#ffd500', 'light');
    expect(wcagContrast(mustard, PAPER.light)).toBeLessThan(4.6);
    expect(readableAccent('#ffd500', 'dark')).toBe('#ffd500');
    expect(wcagContrast(readableAccent('#000080', 'dark'), PAPER.dark)).toBeLessThan(4.7);
  });

  it('is measured against what pages are really drawn on', () => {
    const css = readFileSync(join(import.meta.dirname, '../../src/components/public/public.css'), 'utf8');
    const [light, dark] = [...css.matchAll(/--bg: (#[0-9a-f]+);/g)].map(([, hex]) => hex);
    expect([light, dark]).toEqual(['#fff', PAPER.dark]);
    expect(PAPER.light).toBe('#ffffff');
  });
});
