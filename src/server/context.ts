import { readConfig } from '#config';
import { type Foghorn, openFoghorn } from '../foghorn.ts';

const KEY = Symbol.for('foghorn');
const holder = globalThis as { [KEY]?: Promise<Foghorn> };

/**
 * The one open installation of this process. It hangs on globalThis because `astro dev` never runs main.ts and may load this
 * module more than once.
 */
export function getFoghorn(): Promise<Foghorn> {
  holder[KEY] ??= openFoghorn(readConfig());
  return holder[KEY];
}
