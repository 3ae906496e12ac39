import { readConfig } from '#config';
import { type Foghorn, openFoghorn } from '../foghorn.ts';

const KEY = Symbol.for('foghorn');
const holder = globalThis as { [KEY]?: Promise<Foghorn> };

/**
 * The one open installation of this process. It hangs on globalThis because `astro dev` never runs main.ts and may load this
 * module more than once. When opening fails, the next call tries again.
 */
export function getFoghorn(): Promise<Foghorn> {
  holder[KEY] ??= openFoghorn(readConfig()).catch((error: unknown) => {
    delete holder[KEY];
    throw error;
  });
  return holder[KEY];
}

/** Everything in this process that asks for the installation is given this one while the work runs. */
export async function standIn<T>(foghorn: Foghorn, work: () => Promise<T>): Promise<T> {
  const before = holder[KEY];
  holder[KEY] = Promise.resolve(foghorn);
  try {
    return await work();
  } finally {
    if (before) holder[KEY] = before;
    else delete holder[KEY];
  }
}

/** Closes it, so that the next `getFoghorn` opens it anew. */
export async function closeFoghorn(): Promise<void> {
  const open = holder[KEY];
  delete holder[KEY];
  await (await open?.catch(() => null))?.close();
}
