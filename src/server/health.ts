import { statSync } from 'node:fs';
import { migrationState } from '#db/migrate.ts';
import type { Foghorn } from '../foghorn.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import { collectDeliveries } from './deliveryMetrics.ts';
import { registry } from './metrics.ts';

export type Health = { live: () => Answer; ready: () => Promise<Answer>; metrics: () => Promise<Answer> };

const PATIENCE_MS = 2_000;

/**
 * `/healthz`: the process runs. `/readyz`: the database answers, has this version's schema, and is still the file that was opened.
 * @param opened the installation, once it is open; null until then
 */
export function createHealth(opened: () => Foghorn | null, wait: (ms: number) => Promise<void>): Health {
  let asking: Promise<string | null> | null = null;
  let inode: number | null = null;

  async function problem(): Promise<string | null> {
    const foghorn = opened();
    if (!foghorn) return 'The database could not be opened yet; the log says why.';
    const state = await Promise.race([
      migrationState(foghorn.db).catch(() => null),
      wait(PATIENCE_MS).then(() => null),
    ]);
    if (!state) return 'The database does not answer.';
    if (state.pending.length) return 'The database has an older schema. Restart, or run foghorn migrate.';
    if (!foghorn.db.file) return null;
    const now = statSync(foghorn.db.file, { throwIfNoEntry: false })?.ino ?? null;
    inode ??= now;
    return now === inode && now !== null
      ? null
      : 'The database file was removed or replaced while it was open. Put it back, or restart.';
  }

  return {
    live: () => jsonAnswer(200, { ok: true }),
    ready: async () => {
      // However many ask, the database is asked once at a time.
      asking ??= problem().finally(() => {
        asking = null;
      });
      const found = await asking;
      return found ? jsonAnswer(503, { ok: false, problem: found }) : jsonAnswer(200, { ok: true });
    },
    metrics: async () => {
      await collectDeliveries(opened(), wait);
      return {
        status: 200,
        headers: [
          ['content-type', registry.contentType],
          ['cache-control', 'no-store'],
        ],
        body: Buffer.from(await registry.metrics()),
      };
    },
  };
}
