import { createHash } from 'node:crypto';
import { readableAccent } from '#domain/accent.ts';
import type { Brand } from '#domain/brand.ts';

/** What a page needs beside its own style to look like its owner's; empty for an owner who chose nothing. Nothing typed is in it. */
export function brandCss({ accent, footer, logos }: Brand): string {
  return [accent && accentCss(accent), Object.keys(logos).length && LOGO, footer && FOOTER]
    .filter(Boolean)
    .join('');
}

/** @param accent `#rrggbb` */
function accentCss(accent: string): string {
  const [light, dark] = [readableAccent(accent, 'light'), readableAccent(accent, 'dark')];
  return `:root{--acc:${light};--btn:${light}}@media(prefers-color-scheme:dark){:root{--acc:${dark};--btn:${dark}}}`;
}

const LOGO =
  '.logo{display:flex;align-items:center;gap:.6rem;line-height:1.25}.logo img{display:block;height:1.75rem;width:auto;max-width:11rem;object-fit:contain}';
const FOOTER = '.foot p{width:100%}';

/** As the Content-Security-Policy names it. */
export function cssHash(css: string): `sha256-${string}` {
  return `sha256-${createHash('sha256').update(css).digest('base64')}`;
}
