import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { PageCache } from './cache/pageCache.ts';

/**
 * What `/metrics` shows. A room that has something to count makes its prom-client metric with `registers: [registry]`; the cache
 * keeps plain numbers, because a hit must cost nothing, and they are read when the page is asked for.
 */
export const registry = new Registry();

/** Requests that the cache did not answer at once, by kind of answer. */
export const requests = new Counter({
  name: 'foghorn_http_requests_total',
  help: 'Requests answered, cache hits apart, by status class.',
  labelNames: ['status'],
  registers: [registry],
});

export function registerCache(cache: PageCache): void {
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  const { counts } = cache;
  counter('foghorn_cache_hits_total', 'Requests answered from the page cache.', () => counts.hits);
  counter('foghorn_cache_misses_total', 'Requests that had to wait for the page cache.', () => counts.misses);
  counter('foghorn_cache_renders_total', 'Pages rendered.', () => counts.renders);
  counter('foghorn_cache_failures_total', 'Renders that failed or hung.', () => counts.failures);
  counter('foghorn_cache_last_good_total', 'Answers marked "as of".', () => counts.lastGood);
  gauge('foghorn_cache_bytes', 'Bytes held by the page cache, roughly.', () => cache.size().bytes);
  gauge('foghorn_page_version', 'Version of the public page.', cache.version);
}
