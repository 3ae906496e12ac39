import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { addMs, MINUTE } from '#domain/time.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { makeClaim, makeIncident, makeUpdate } from '../support/factory.ts';
import { type Harbour, makeHarbour } from '../support/harbour.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The page while it is open, where trouble is in a later group alone: what the script keeps of what its reader did. */
describe.skipIf(!CHROMIUM)('an open page', () => {
  let folder: string;
  let db: Db;
  let server: TestServer;
  let harbour: Harbour;
  let browser: Browser;
  let incident: { id: string; seq: number };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-live-'));
    db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
    const now = new Date().toISOString();
    await migrate(db, now);
    harbour = await makeHarbour(db, { now, open: 0 });
    incident = await makeIncident(db, {
      title: 'Refunds are late',
      severity: 'SEV2',
      status: 'investigating',
      started_at: addMs(now, -20 * MINUTE),
    });
    await makeUpdate(db, incident.seq, { body: 'We look into it.', posted_at: addMs(now, -15 * MINUTE) });
    await claim('Refunds', incident.seq, addMs(now, -20 * MINUTE));
    server = await startServer({ dataDir: folder });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await db?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const claim = (name: string, seq: number, at: string) =>
    makeClaim(db, {
      component_id: harbour.components.get(name) as string,
      source_seq: seq,
      status: 'partial_outage',
      starts_at: at,
    });

  const stop = (page: Page) =>
    page.locator('.h[tabindex="0"]').evaluateAll((all) => all.map((one) => one.ariaLabel!.split(',')[0]));

  it('has a tab stop among the marks that can be seen, which stays where it was taken', async () => {
    const page = await browser.newPage();
    await page.clock.install();
    await page.goto(server.url);
    const group = (name: string) => page.locator('.g > summary').filter({ hasText: name });
    // The groups before it are well, and folded.
    expect(await stop(page)).toEqual(['Card payments']);
    await page.locator('.h[tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    expect(await stop(page)).toEqual(['Bank transfers']);
    await page.clock.runFor(25_000);
    expect(await stop(page)).toEqual(['Bank transfers']);
    await group('Shop').click();
    expect(await stop(page)).toEqual(['Bank transfers']);
    await group('Payments').click();
    await expect.poll(() => stop(page)).toEqual(['Checkout']);
    await group('Shop').click();
    await expect.poll(() => stop(page)).toEqual([]);
    await group('Regions').click();
    await expect.poll(() => stop(page)).toEqual(['Europe (Frankfurt)']);
    await page.close();
  });
});
