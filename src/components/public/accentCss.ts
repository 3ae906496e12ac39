import { createHash } from 'node:crypto';
import { readableAccent } from '#domain/accent.ts';

/** @param accent `#rrggbb` */
export function accentCss(accent: string): string {
  const [light, dark] = [readableAccent(accent, 'light'), readableAccent(accent, 'dark')];
  return `:root{--acc:${light};--btn:${light}}@media(prefers-color-scheme:dark){:root{--acc:${dark};--btn:${dark}}}`;
}

/** As the Content-Security-Policy names it. */
export function cssHash(css: string): `sha256-${string}` {
  return `sha256-${createHash('sha256').update(css).digest('base64')}`;
}
