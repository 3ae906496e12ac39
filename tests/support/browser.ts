import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Where Chromium is; null when this machine has none: then the browser tests are skipped, aloud. */
export const CHROMIUM = findChromium(
  [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  process.env.REQUIRE_CHROMIUM === '1',
);

/** @throws when there is none and it is required: a run that was sure to have it would prove less than it says */
export function findChromium(paths: readonly (string | undefined)[], required: boolean): string | null {
  const found = paths.find((path) => path && existsSync(path));
  if (found) return found;
  const fix = 'Install it, or set CHROMIUM_PATH.';
  if (required) throw new Error(`Chromium was not found, and REQUIRE_CHROMIUM=1 asks for it. ${fix}`);
  console.warn(`Chromium was not found: the browser tests are SKIPPED. ${fix}`);
  return null;
}

/** What Chromium is started with: nothing that it does by itself in the background, and as root too. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM as string, args: CHROMIUM_FLAGS });
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe finds wrong with the page as it stands: one line a violation, with the first element that has it. */
export async function axeViolations(page: Page): Promise<string[]> {
  // By the debugger's protocol, which the page's own CSP does not bind.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(readFileSync(AXE, 'utf8'));
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run: (options: object) => Promise<{
          violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
        }>;
      };
    };
    // WCAG 2.2, 2.5.8, which axe leaves out unless it is asked.
    const rules = { 'target-size': { enabled: true } };
    const { violations } = await axe.run({ resultTypes: ['violations'], rules });
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary}`,
    );
  });
}
