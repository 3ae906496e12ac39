import { createHash } from 'node:crypto';
import source from './marks.ts?raw';

/** Where marks.ts is served, named anew whenever it changes: what a cache kept never meets the page of another version. */
export const MARKS_SCRIPT = `/marks.js?${createHash('sha256').update(source).digest('hex').slice(0, 6)}`;
