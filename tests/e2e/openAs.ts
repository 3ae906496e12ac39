import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import type { Role } from '#domain/permissions.ts';
import type { House } from '../pages/adminHouse.ts';

/** A page in a browser of its own where this person is signed in; what the browser complains of is added to `complaints`. */
export async function openAs(
  browser: Browser,
  house: House,
  role: Role,
  { path, options, complaints }: { path: string; options: BrowserContextOptions; complaints: string[] },
): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const cookies = (await house.cookie(role)).split('; ').map((pair) => {
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    return { name, value, url: house.server.url };
  });
  await context.addCookies(cookies);
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  await page.goto(house.server.url + path);
  return { context, page };
}
