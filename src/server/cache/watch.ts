import type { PageCache } from './pageCache.ts';

/** How often another process's changes are looked for: they show within a second, the time that a render takes included. */
const POLL_MS = 400;

/** Looks for what other processes changed, and has the page rendered before anyone asks. Never in step with itself; does not end. */
export function watchForChanges(cache: PageCache, wait: (ms: number) => Promise<void>): void {
  void wait(POLL_MS).then(async () => {
    await cache.poll();
    void cache.keepWarm('/');
    watchForChanges(cache, wait);
  });
}
