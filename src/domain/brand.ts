/** What a logo is drawn on. */
export const BACKGROUNDS = ['light', 'dark'] as const;
export type Background = (typeof BACKGROUNDS)[number];

export const LOGO_TYPES = ['image/svg+xml', 'image/png'] as const;
export type LogoType = (typeof LOGO_TYPES)[number];

/** A logo as pages know it: its bytes are asked for by the hash. Width and height say its shape. */
export type Logo = { hash: string; type: LogoType; width: number; height: number };

/** How a page is made to look like its owner's. */
export type Brand = {
  /** As the owner chose it, `#rrggbb`; null: Foghorn's own. What pages show is made readable (`domain/accent.ts`). */
  accent: string | null;
  /** A line at the foot of every public page. */
  footer: string | null;
  /** Without one for dark backgrounds, the one for light ones stands on both. */
  logos: Partial<Record<Background, Logo>>;
  /** The logo says the page's name: it is not written beside it. */
  wordmark: boolean;
};

/** Where a logo is. */
export function logoPath({ hash, type }: Logo): string {
  return `/logo/${hash}.${type === 'image/png' ? 'png' : 'svg'}`;
}
