import type { Brand } from '#domain/brand.ts';
import type { Instant } from '#domain/time.ts';

/** What the frame of a public page needs, as `getPublicFrame` and every public service give it. */
export type PublicFrame = {
  name: string;
  timeZone: string;
  supportUrl: string | null;
  brand: Brand;
  now: Instant;
};
