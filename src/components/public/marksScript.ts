import { createHash } from 'node:crypto';
import marks from './marks.ts?raw';
import renew from './renew.ts?raw';

/** What pages ask for when someone comes to a mark, or stays: one file. */
export const LATER_SOURCE = `${marks}\n${renew}`;

/** Where it is served, named anew whenever it changes: what a cache kept never meets the page of another version. */
export const MARKS_SCRIPT = `/marks.js?${createHash('sha256').update(LATER_SOURCE).digest('hex').slice(0, 6)}`;
