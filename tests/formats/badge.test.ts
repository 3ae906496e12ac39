import { describe, expect, it } from 'vitest';
import { COMPONENT_STATUSES } from '#domain/status.ts';
import { badgeSvg } from '#formats/badge.ts';
import { NASTY } from '../support/nasty.ts';

describe('a badge', () => {
  it('is words before colours, readable on each of them', () => {
    const luminance = (hex: string) => {
      const [r, g, b] = [1, 3, 5].map((at) => {
        const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    for (const status of COMPONENT_STATUSES) {
      const svg = badgeSvg({ name: 'Checkout', status, label: 'Some words' });
      expect(svg).toContain('<title>Checkout: Some words</title>');
      expect(svg).toContain('>Some words</text>');
      const fills = [...svg.matchAll(/<rect[^>]*fill="(#[0-9a-f]{6})"/g)].map(([, fill]) => fill as string);
      expect(fills).toHaveLength(2);
      for (const fill of fills) expect(1.05 / (luminance(fill) + 0.05)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('takes any name for text, and cuts a long one', () => {
    for (const name of NASTY) {
      const svg = badgeSvg({ name, status: 'operational', label: 'Operational' });
      expect(
        svg.replace(
          /<\/?(svg|title|clipPath|rect|g|text)( [a-z-]+="[^"<>]*"| xmlns="[^"]*"| textLength="\d+"| lengthAdjust="\w+")*\/?>/gi,
          '',
        ),
      ).not.toMatch(/[<>]/);
    }
    expect(badgeSvg({ name: 'x'.repeat(200), status: 'operational', label: 'Operational' })).toContain(
      `${'x'.repeat(39)}…`,
    );
  });
});
