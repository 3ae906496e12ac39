import { readFileSync } from 'node:fs';
import type { Db } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { ask } from '../support/http.ts';
import type { TestServer } from '../support/server.ts';
import { openVisitors } from './crowd.ts';

export type Stampede = { requests: number; errors: number; renders: number; slowestMs: number };

/**
 * Many visitors ask over and over, each on a connection of their own, while the page changes, until every one of them has the new page.
 * @returns how many renders that took, and what went wrong
 */
export async function stampede(server: TestServer, db: Db, connections: number): Promise<Stampede> {
  const visitors = await openVisitors(server.url, connections);
  const title = `Changed at ${Date.now()}`;
  const result: Stampede = { requests: 0, errors: 0, renders: 0, slowestMs: 0 };
  const asking = visitors.map(async (visitor) => {
    for (let seen = false; !seen; ) {
      const began = performance.now();
      try {
        const { status, body } = await visitor.ask('/');
        result.requests += 1;
        if (status !== 200) result.errors += 1;
        seen = body.includes(title);
      } catch {
        result.errors += 1;
        return;
      }
      result.slowestMs = Math.max(result.slowestMs, performance.now() - began);
    }
  });
  const before = await renders(server.url);
  await db.write(async (tx) => {
    await tx
      .updateTable('incidents')
      .set({ title })
      .where('resolved_at', 'is', null)
      .where('published_at', 'is not', null)
      .execute();
    await bumpPageVersion(tx, new Date().toISOString());
  });
  await Promise.all(asking);
  for (const visitor of visitors) visitor.leave();
  return { ...result, renders: (await renders(server.url)) - before };
}

async function renders(url: string): Promise<number> {
  const { body } = await ask(url, '/metrics');
  return Number(/^foghorn_cache_renders_total (\d+)/m.exec(body)?.[1]);
}

export type Flood = { asked: number; errors: number; rss: number[] };

/** In parts of a hundred: how often each kind of address is made up. The last is one that could be there: the page must be asked. */
const KINDS = { query: 49, path: 49, incident: 2 };

/**
 * Made-up query strings and paths, none twice.
 * @returns the server's memory in MB, after each tenth of them
 */
export async function flood(server: TestServer, count: number): Promise<Flood> {
  const visitors = await openVisitors(server.url, 50, 'gzip');
  const result: Flood = { asked: 0, errors: 0, rss: [] };
  let number = 0;
  await Promise.all(
    visitors.map(async (visitor) => {
      while (number < count) {
        const mine = number++;
        const { status } = await visitor.ask(madeUp(mine));
        result.asked += 1;
        if (status !== 200 && status !== 404) result.errors += 1;
        if (result.asked % (count / 10) === 0) result.rss.push(memoryOf(server.pid));
      }
    }),
  );
  for (const visitor of visitors) visitor.leave();
  return result;
}

function madeUp(number: number): string {
  const word = `${number.toString(36)}${Math.random().toString(36).slice(2)}`;
  const kind = number % 100;
  if (kind < KINDS.query) return `/?${word}=${word}`;
  return kind < KINDS.query + KINDS.path ? `/${word}/${word}` : `/incidents/${word}`;
}

function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
