import type { ComponentStatus } from '#domain/status.ts';

/** White words on these are readable: at least 4.5 to 1 (WCAG 2.2, 1.4.3). */
const FILL: Record<ComponentStatus, string> = {
  operational: '#2e7d4f',
  under_maintenance: '#4b5bb5',
  degraded_performance: '#866000',
  partial_outage: '#b34a00',
  major_outage: '#b3161e',
};

/** The longest name that is shown whole. */
const LONGEST = 40;
const HEIGHT = 20;
const PAD = 7;

/**
 * A badge: a name, and the status in words; where text runs to the left, from the right. An SVG image that is read as one sentence, and
 * asks for nothing else.
 */
export function badgeSvg(
  badge: { name: string; status: ComponentStatus; label: string },
  { lang, dir }: { lang: string; dir: 'ltr' | 'rtl' },
): string {
  const name =
    [...badge.name].length > LONGEST ? `${[...badge.name].slice(0, LONGEST - 1).join('')}…` : badge.name;
  const widths = { name: widthOf(name) + 2 * PAD, label: widthOf(badge.label) + 2 * PAD };
  const width = widths.name + widths.label;
  const isTurned = dir === 'rtl';
  const at = { name: isTurned ? widths.label : 0, label: isTurned ? 0 : widths.name };
  const box = (part: 'name' | 'label', fill: string) =>
    `<rect x="${at[part]}" width="${widths[part]}" height="${HEIGHT}" fill="${fill}"/>`;
  const words = (part: 'name' | 'label', text: string) =>
    `<text x="${at[part] + widths[part] / 2}" y="14" textLength="${widths[part] - 2 * PAD}" lengthAdjust="spacingAndGlyphs">${escaped(text)}</text>`;
  const title = escaped(`${badge.name}: ${badge.label}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" lang="${lang}" role="img" aria-label="${title}"><title>${title}</title><clipPath id="r"><rect width="${width}" height="${HEIGHT}" rx="3"/></clipPath><g clip-path="url(#r)">${box('name', '#3a424b')}${box('label', FILL[badge.status])}</g><g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"${isTurned ? ' direction="rtl"' : ''}>${words('name', name)}${words('label', badge.label)}</g></svg>
`;
}

/** Roughly, in px at 11 px of Verdana; the text is fitted to it, so that it never runs out of its box. */
function widthOf(text: string): number {
  let width = 0;
  for (const char of text) {
    if (NARROW.test(char)) width += 4;
    else if (WIDE.test(char)) width += 10;
    else if (/\p{Mn}/u.test(char)) continue;
    else if (char < '\u0590') width += 7;
    else width += JOINED.test(char) ? 6 : 11;
  }
  return Math.max(10, width);
}

/** Hebrew and Arabic: narrower than other letters, and much narrower than ideographs. */
const JOINED = /[\u0590-\u08ff\ufb1d-\ufefc]/;
const NARROW = /[ .,:;!|'`ijl()[\]fIt1r-]/;
const WIDE = /[mwMWQO@%]/;

function escaped(text: string): string {
  return (
    text
      .toWellFormed()
      // XML 1.0 knows no such characters, escaped or not.
      .replace(/[\p{Cc}\p{Cn}]/gu, '')
      .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
  );
}
