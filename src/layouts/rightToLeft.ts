import { createHash } from 'node:crypto';

/** What pages that run from right to left need besides: apart, because every byte in the stylesheet is paid by all the others. */
export const RIGHT_TO_LEFT = [
  // Letters that join would be torn apart.
  'h1{letter-spacing:0}',
  // A zone's Latin letters do not take along what follows them.
  'time,[data-since]{unicode-bidi:isolate}',
  // What was typed in another direction stands at the page's own side; longer text in a box that does.
  '[dir=auto]{text-align:right}',
  '.md,dd[dir],p[dir]{width:fit-content;text-align:start}',
  // Time runs as the text does.
  '.h{scale:-1 1}',
].join('');

export const RIGHT_TO_LEFT_HASH =
  `sha256-${createHash('sha256').update(RIGHT_TO_LEFT).digest('base64')}` as const;
