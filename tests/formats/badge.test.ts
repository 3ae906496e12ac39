import { describe, expect, it } from 'vitest';
import { COMPONENT_STATUSES } from '#domain/status.ts';
import { badgeSvg } from '#formats/badge.ts';
import { NASTY } from '../support/nasty.ts';

const ENGLISH = { lang: 'en', dir: 'ltr' } as const;

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
      const svg = badgeSvg({ name: 'Checkout', status, label: 'Some words' }, ENGLISH);
      expect(svg).toContain('<title>Checkout: Some words</title>');
      expect(svg).toContain('>Some words</text>');
      const fills = [...svg.matchAll(/<rect[^>]*fill="(#[0-9a-f]{6})"/g)].map(([, fill]) => fill as string);
      expect(fills).toHaveLength(2);
      for (const fill of fills) expect(1.05 / (luminance(fill) + 0.05)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('takes any name for text, and cuts a long one', () => {
    for (const name of NASTY) {
      const svg = badgeSvg({ name, status: 'operational', label: 'Operational' }, ENGLISH);
      expect(
        svg.replace(
          /<\/?(svg|title|clipPath|rect|g|text)( [a-z-]+="[^"<>]*"| xmlns="[^"]*"| textLength="\d+"| lengthAdjust="\w+")*\/?>/gi,
          '',
        ),
      ).not.toMatch(/[<>]/);
    }
    const long = { name: 'x'.repeat(200), status: 'operational', label: 'Operational' } as const;
    expect(badgeSvg(long, ENGLISH)).toContain(`${'x'.repeat(39)}…`);
  });

  it('says what language it is in, and begins at the right where that does', () => {
    const badge = { name: 'Kasse', status: 'major_outage', label: 'انقطاع كبير' } as const;
    const boxes = (svg: string) =>
      [...svg.matchAll(/<rect x="(\d+)" width="(\d+)"[^>]*fill="(#[0-9a-f]{6})"/g)].map(
        ([, x, width, fill]) => [Number(x), Number(width), fill],
      );
    const [name, label] = boxes(badgeSvg(badge, ENGLISH)) as [unknown[], unknown[]];
    expect([name[0], label[0]]).toEqual([0, name[1]]);
    const arabic = badgeSvg(badge, { lang: 'ar', dir: 'rtl' });
    expect(arabic).toMatch(/^<svg [^>]*lang="ar"[^>]*aria-label="Kasse: انقطاع كبير"/);
    expect(arabic).toContain('direction="rtl"');
    expect(boxes(arabic)).toEqual([
      [label[1], ...name.slice(1)],
      [0, ...label.slice(1)],
    ]);
    // Marks above and below letters take no room of their own.
    const width = (text: string) => boxes(badgeSvg({ ...badge, label: text }, ENGLISH))[1]?.[1];
    expect(width('مُكوِّن')).toBe(width('مكون'));
  });
});
