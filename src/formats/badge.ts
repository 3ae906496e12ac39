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

/** A badge: a name, and the status in words. An SVG image that is read as one sentence, and asks for nothing else. */
export function badgeSvg(badge: { name: string; status: ComponentStatus; label: string }): string {
  const name =
    [...badge.name].length > LONGEST ? `${[...badge.name].slice(0, LONGEST - 1).join('')}…` : badge.name;
  const left = widthOf(name) + 2 * PAD;
  const right = widthOf(badge.label) + 2 * PAD;
  const words = (text: string, x: number, width: number) =>
    `<text x="${x + width / 2}" y="14" textLength="${width - 2 * PAD}" lengthAdjust="spacingAndGlyphs">${escaped(text)}</text>`;
  const title = escaped(`${badge.name}: ${badge.label}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="${HEIGHT}" role="img" aria-label="${title}"><title>${title}</title><clipPath id="r"><rect width="${left + right}" height="${HEIGHT}" rx="3"/></clipPath><g clip-path="url(#r)"><rect width="${left}" height="${HEIGHT}" fill="#3a424b"/><rect x="${left}" width="${right}" height="${HEIGHT}" fill="${FILL[badge.status]}"/></g><g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">${words(name, 0, left)}${words(badge.label, left, right)}</g></svg>
`;
}

/** Roughly, in px at 11 px of Verdana; the text is fitted to it, so that it never runs out of its box. */
function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += NARROW.test(char) ? 4 : WIDE.test(char) ? 10 : char < '\u0250' ? 7 : 11;
  return Math.max(10, width);
}

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
