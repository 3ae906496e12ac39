import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { CHROMIUM, CHROMIUM_FLAGS } from '../support/browser.ts';
import { makeHarbour } from '../support/harbour.ts';
import { ask } from '../support/http.ts';
import { startServer } from '../support/server.ts';
import { type Figure, lineOf, passes, quantile } from './bars.ts';

/**
 * Lighthouse's four scores of public pages (40 components, 90 days, 3 open incidents), as a phone gets them, the middle of some runs.
 * Lighthouse itself is fetched by npx: it is larger than all of Foghorn. Ends with 1 when `/` has less than 100 in any.
 */
const LIGHTHOUSE = 'lighthouse@13';
const RUNS = Number(process.env.BENCH_RUNS ?? 3);
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'] as const;
const PATHS = ['/', '/de', '/ar', '/history', '/subscribe'];
const STRICT = '/';

type Scores = Record<(typeof CATEGORIES)[number], number>;
type Report = {
  categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
  audits: Record<string, { score: number | null; title: string; displayValue?: string }>;
};

if (!CHROMIUM) throw new Error('Lighthouse looks with Chromium, and there is none.');
const figures: Figure[] = [];
const server = await startServer({ env: { FOGHORN_ROLE: 'web', LANGUAGES: 'en, de, ar' } });
const db = await openDatabase(`sqlite:${join(server.dataDir, 'foghorn.db')}`);
try {
  const now = new Date().toISOString();
  await makeHarbour(db, { now, open: 3 });
  await db.write((tx) => bumpPageVersion(tx, now));
  while (!(await ask(server.url)).body.includes('Checkout'));
  for (const path of PATHS) {
    const runs = Array.from({ length: RUNS }, () => scoresOf(`${server.url}${path}`));
    for (const category of CATEGORIES) {
      const value = quantile(
        runs.map((scores) => scores[category]),
        0.5,
      );
      const bar = path === STRICT ? { least: 100 } : null;
      const figure = { name: `${path} ${category}`, value, unit: 'of 100', bar };
      figures.push(figure);
      console.log(lineOf(figure));
    }
  }
} finally {
  await db.close();
  await server.stop();
}
const missed = figures.filter((figure) => !passes(figure));
console.log(missed.length ? `\n${missed.length} MISSED` : '\nEvery bar is kept.');
if (missed.length) process.exitCode = 1;

function scoresOf(url: string): Scores {
  const profile = mkdtempSync(join(tmpdir(), 'foghorn-lighthouse-'));
  try {
    const flags = ['--headless=new', ...CHROMIUM_FLAGS, `--user-data-dir=${profile}`].join(' ');
    const asked = ['--yes', LIGHTHOUSE, url, '--quiet', '--output=json', `--chrome-flags=${flags}`];
    const env = { ...process.env, CHROME_PATH: CHROMIUM as string };
    const json = execFileSync('npx', asked, { env, encoding: 'utf8', maxBuffer: 64e6 });
    const { categories, audits } = JSON.parse(json) as Report;
    for (const { auditRefs } of Object.values(categories))
      for (const { id, weight } of auditRefs) {
        const { score = null, title = id, displayValue = '' } = audits[id] ?? {};
        if (weight > 0 && score !== null && score < 1)
          console.log(`    ${title}: ${displayValue} (${score})`);
      }
    const scoreOf = (name: string) => Math.round((categories[name]?.score ?? 0) * 100);
    return Object.fromEntries(CATEGORIES.map((name) => [name, scoreOf(name)])) as Scores;
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
}
