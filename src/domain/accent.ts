import { clampChroma, converter, formatHex, parseHex, wcagContrast } from 'culori';
import type { Background } from './brand.ts';

/** What pages are drawn on, as the stylesheets have it. */
export const PAPER: Record<Background, string> = { light: '#ffffff', dark: '#121519' };

/** Of text on its background: WCAG 2.2, 1.4.3. */
const READABLE = 4.5;

const toOklch = converter('oklch');

/** @param hex `#rrggbb` */
export function isReadable(hex: string, background: Background): boolean {
  return wcagContrast(hex, PAPER[background]) >= READABLE;
}

/**
 * The colour itself where it can be read on the background, else the nearest that can: of the same hue, darker on light, lighter on dark.
 * The contrast is that of WCAG 2.2.
 * @param hex `#rrggbb`
 */
export function readableAccent(hex: string, background: Background): string {
  if (isReadable(hex, background)) return hex;
  const own = toOklch(parseHex(hex) ?? { mode: 'rgb', r: 0, g: 0, b: 0 });
  const at = (lightness: number) =>
    formatHex(clampChroma({ ...own, l: lightness }, 'oklch')) ?? PAPER[background];
  // Towards the end of the scale away from the background everything can be read.
  let [wrong, right] = [own.l, background === 'light' ? 0 : 1];
  for (let step = 0; step < STEPS; step++) {
    const middle = (wrong + right) / 2;
    if (isReadable(at(middle), background)) right = middle;
    else wrong = middle;
  }
  return at(right);
}

const STEPS = 12;
