import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, utimesSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { cookieHeader } from '../auth/fixtures.ts';
import { builtEntry, ROOT } from '../support/build.ts';
import { ask } from '../support/http.ts';
import { freePort } from '../support/server.ts';
import { scratch } from './support.ts';

const SOURCES = [
  ...['src', 'db', 'emails', 'public'],
  ...['astro.config.mjs', 'package.json', 'package-lock.json', 'tsconfig.json'],
];

/** What `npm run demo`, `npm start`, `npm run dev` and `npx foghorn` run, as the processes that they are. */

it('the demo: its page fits one round trip, its login signs in, its mail is where it says', async () => {
  const dataDir = scratch();
  const { url, says, child } = await run('src/cli/demo.ts', { DATA_DIR: dataDir });
  const said = await says('Ctrl-C stops it.');
  expect(said).toContain(`Public page  ${url}/\n`);

  for (const encoding of ['br', 'gzip']) {
    const page = await ask(url, '/', {
      headers: { host: new URL(url).host, 'accept-encoding': encoding },
    });
    expect([page.status, page.headers['content-encoding']]).toEqual([200, encoding]);
    expect(page.body).toContain('Checkout');
    expect(page.bytes.length).toBeLessThanOrEqual(10_000);
    console.info(`the demo's page: ${page.bytes.length} bytes in ${encoding}`);
  }

  const login = /password: (.+)\n\s+(\S+@\S+)\s+owner/.exec(said);
  const entered = await ask(url, '/admin/login', {
    method: 'POST',
    headers: { origin: url, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email: login?.[2] ?? '', password: login?.[1] ?? '' }).toString(),
  });
  expect(entered.status, entered.body).toBe(303);
  const cookie = cookieHeader([entered.headers['set-cookie'] ?? []].flat());
  expect((await ask(url, '/admin', { headers: { cookie } })).body).toContain('Sign out');

  const folder = /Mail {9}is written to (.+)/.exec(said)?.[1] as string;
  expect(folder).toBe(join(dataDir, 'demo/mail'));
  const day = join(folder, readdirSync(folder)[0] as string);
  expect(readFileSync(join(day, readdirSync(day)[0] as string), 'utf8')).toContain(url);

  // Ctrl-C.
  child.kill('SIGINT');
  expect(await ended(child)).toBe(0);
});

it('npm start: serves an installation of its own, and ends well', async () => {
  const { url, says, child } = await run('src/cli/start.ts', { DATA_DIR: scratch(), MAIL_TRANSPORT: 'file' });
  expect(await says('Make the first owner at:')).not.toContain('Building');
  expect((await ask(url, '/')).status).toBe(200);
  child.kill('SIGTERM');
  expect(await ended(child)).toBe(0);
});

it('npm run dev: serves pages from the sources, with a worker beside them, and ends both', async () => {
  const { url, says, child } = await run('src/cli/dev.ts', {
    DATA_DIR: scratch(),
    MAIL_TRANSPORT: 'file',
    LOG_LEVEL: 'info',
  });
  expect(await says('the worker runs')).toContain('Make the first owner at:');
  await says('Local');
  const page = await ask(url, '/');
  expect([page.status, page.body.includes('All systems are operational')]).toEqual([200, true]);
  child.kill('SIGTERM');
  await ended(child);
  expect(() => process.kill(-(child.pid as number), 0)).toThrow('ESRCH');
});

it('npx foghorn: answers whatever Node the shell has', async () => {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules') && !folder.includes('node-gyp'));
  // Where npm brought the only Node there is, that one.
  if (!path.some((folder) => existsSync(join(folder, 'node')))) path.push(dirname(process.execPath));
  const env = { PATH: path.join(delimiter), HOME: scratch(), DATA_DIR: scratch() };
  const shell = async (command: string) => {
    const child = spawn('sh', ['-c', command], { cwd: ROOT, env });
    const output = collect(child);
    return { code: await ended(child), output: output() };
  };
  const { output: version } = await shell('node --version');
  console.info(`bin/foghorn.js was run by Node ${version.trim()}`);
  const help = await shell('bin/foghorn.js --help');
  expect(help).toMatchObject({ code: 0, output: expect.stringContaining('incident open') });
  expect(await shell('bin/foghorn.js nonsense')).toMatchObject({ code: 2 });
  expect(await shell('bin/foghorn.js migrate')).toMatchObject({ code: 0 });
});

/** Runs a script in a checkout of its own that is built already, on a free port. */
async function run(script: string, env: Record<string, string>) {
  const port = await freePort();
  const child = spawn(process.execPath, [script], {
    cwd: await builtCheckout(),
    env: { PATH: process.env.PATH, HOME: scratch(), TZ: 'UTC', PORT: String(port), ...env },
    // The leader of a group, so that none of its children outlives a failed test.
    detached: true,
  });
  onTestFinished(async () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // All of them have ended.
    }
    await ended(child);
  });
  const output = collect(child);
  return {
    child,
    url: `http://localhost:${port}`,
    /** Resolves with all that was said so far once the words are among it. */
    says: (words: string) =>
      new Promise<string>((resolve, reject) => {
        const look = () => output().includes(words) && resolve(output());
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        child.on('exit', () => reject(new Error(`It ended before it said "${words}":\n${output()}`)));
        look();
      }),
  };
}

/** The sources, the packages, and the build that the other tests share, where nothing disturbs the developer's own. */
async function builtCheckout(): Promise<string> {
  const folder = scratch();
  for (const name of SOURCES) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const entry = await builtEntry();
  cpSync(dirname(dirname(entry)), join(folder, 'dist'), { recursive: true });
  // No source is newer than the build.
  const now = new Date();
  utimesSync(join(folder, 'dist/server/entry.mjs'), now, now);
  return folder;
}

function collect(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      output += piece;
    });
  return () => output;
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}
