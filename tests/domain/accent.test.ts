import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wcagContrast } from 'culori';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReadable, PAPER, readableAccent } from '#domain/accent.ts';
import { BACKGROUNDS } from '#domain/brand.ts';

const colour = fc.integer({ min: 0, max: 0xffffff }).map((rgb) => `#${rgb.toString(16).padStart(6, '0')}`);

const STYLES = readFileSync(join(import.meta.dirname, '../../src/components/public/public.css'), 'utf8');

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
    const [light, dark] = [...STYLES.matchAll(/--bg: (#[0-9a-f]+);/g)].map(([, hex]) => hex);
    expect([light, dark]).toEqual(['#fff', PAPER.dark]);
    expect(PAPER.light).toBe('#ffffff');
  });
});

describe('the colours of the page', () => {
  const [light, dark] = [...STYLES.matchAll(/:root \{([^}]*)\}/g)].map(
    ([, block]) =>
      new Map([...(block as string).matchAll(/--(\w+): (#[0-9a-f]+);/g)].map(([, name, hex]) => [name, hex])),
  );

  it.each([
    ['light', light],
    ['dark', dark],
  ] as const)('can be told from what they are drawn on, bars (1.4.11) and words (1.4.3), in %s', (_, all) => {
    const against = (names: readonly string[], ground: string) =>
      names.map((name) => [name, wcagContrast(all?.get(name) as string, all?.get(ground) as string)]);
    const hues = ['ok', 'dg', 'po', 'mo', 'mt'];
    const bars = against(
      hues.map((hue) => `${hue}b`),
      'bg',
    );
    const words = ['bg', 'tint'].flatMap((ground) => against([...hues, 'ink', 'soft'], ground));
    expect(bars.filter(([, contrast]) => !(Number(contrast) >= 3))).toEqual([]);
    expect(words.filter(([, contrast]) => !(Number(contrast) >= 4.5))).toEqual([]);
  });
});
