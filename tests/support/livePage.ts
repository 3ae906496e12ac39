import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { addMs, type Instant, MINUTE } from '#domain/time.ts';
import { makeClaim, makeIncident, makeUpdate } from './factory.ts';
import { makeHarbour } from './harbour.ts';
import { startServer } from './server.ts';

export type LiveHouse = Awaited<ReturnType<typeof openLiveHouse>>;

/** A page with one open incident, in a later group alone, which changes while it is looked at. */
export async function openLiveHouse() {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-live-'));
  const db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  const now = new Date().toISOString();
  await migrate(db, now);
  const harbour = await makeHarbour(db, { now, open: 0 });
  const incident = await makeIncident(db, {
    title: 'Refunds are late',
    severity: 'SEV2',
    status: 'investigating',
    started_at: addMs(now, -20 * MINUTE),
  });
  await makeUpdate(db, incident.seq, { body: 'We look into it.', posted_at: addMs(now, -15 * MINUTE) });
  const claim = (name: string, at: Instant) =>
    makeClaim(db, {
      component_id: harbour.components.get(name) as string,
      source_seq: incident.seq,
      status: 'partial_outage',
      starts_at: at,
    });
  await claim('Refunds', addMs(now, -20 * MINUTE));
  const server = await startServer({ dataDir: folder });

  /** A page whose time passes in steps: an answer is only seen between two of them. */
  const open = async (browser: Browser, path = '/') => {
    const page = await browser.newPage({ timezoneId: 'UTC' });
    await page.clock.install();
    await page.goto(server.url + path);
    const asked = new Set<unknown>();
    page.on('request', (request) => asked.add(request));
    page.on('requestfinished', (request) => asked.delete(request));
    page.on('requestfailed', (request) => asked.delete(request));
    const pass = async (minutes: number) => {
      for (let step = 0; step < minutes * 12; step++) {
        await page.clock.runFor(MINUTE / 12);
        do await page.evaluate(() => null);
        while (asked.size > 0);
      }
    };
    const away = () => page.route(server.url + path, (route) => route.fulfill({ status: 503, body: 'away' }));
    const back = () => page.unroute(server.url + path);
    return { page, pass, away, back };
  };

  /** Something is said, as another process says it, and the server knows. */
  const change = async (title: string, body = `${title}. We go on.`) => {
    const at = new Date().toISOString();
    await makeUpdate(db, incident.seq, { body, posted_at: at });
    await db.write(async (tx) => {
      await tx.updateTable('incidents').set({ title }).where('seq', '=', incident.seq).execute();
      await bumpPageVersion(tx, at);
    });
    await expect
      .poll(async () => (await fetch(server.url)).text(), { timeout: 60_000 })
      .toContain(body.split('\n')[0]);
  };

  const close = async () => {
    await server.stop();
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { db, server, incident, claim, open, change, close };
}

/** What the region for those who listen was heard to say, in order. */
export async function listen(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const said = document.querySelector('[role=status]')!;
    const log: string[] = [];
    Object.assign(window, { log });
    new MutationObserver(() => log.push(said.textContent.replace(/\s+/g, ' ').trim())).observe(said, {
      childList: true,
      subtree: true,
      characterData: true,
    });
  });
  return () => page.evaluate(() => (window as unknown as { log: string[] }).log);
}
