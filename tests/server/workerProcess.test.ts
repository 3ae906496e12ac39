import { getPriority } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDatabase } from '#db/open.ts';
import { postNotice } from '../delivery/support.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { ask } from '../support/http.ts';
import { makeSubscribers } from '../support/people.ts';
import { startServer, type TestServer } from '../support/server.ts';

let resend: FakeResend;
let server: TestServer;
beforeEach(async () => {
  resend = await startFakeResend();
  const env = { MAIL_TRANSPORT: 'resend', RESEND_API_KEY: 're_test', RESEND_BASE_URL: resend.url };
  server = await startServer({ env: { ...env, LOG_LEVEL: 'info' } });
});
afterEach(async () => {
  await server.kill();
  await resend.close();
});

/** The worker that runs, other than this one. */
async function worker(other = 0): Promise<number> {
  const line = await server.logged(new RegExp(`"pid":(?!${other}\\b)\\d+.*the worker runs`));
  return JSON.parse(line).pid;
}

it('a worker that dies takes nothing with it: the page stays, another goes on with the mail', async () => {
  const first = await worker();
  expect(getPriority(first)).toBeGreaterThan(getPriority(server.pid));
  process.kill(first, 'SIGKILL');
  expect(JSON.parse(await server.logged(/The worker ended by itself/))).toMatchObject({
    level: 50,
    signal: 'SIGKILL',
  });
  expect((await ask(server.url)).status).toBe(200);

  const db = await openDatabase(`sqlite:${join(server.dataDir, 'foghorn.db')}`);
  await makeSubscribers(db, 3);
  await postNotice(db, new Date().toISOString());
  await db.close();
  await worker(first);
  while (resend.taken < 3) await new Promise(setImmediate);
  expect(await server.stop()).toBe(0);
  expect(server.logs.slice(-3).join()).toMatch(/stopping.*the worker stops.*"stopped"/);
  expect([...resend.counts.values()]).toEqual([1, 1, 1]);
});

it('a worker whose server was killed ends by itself', async () => {
  await worker();
  process.kill(server.pid, 'SIGKILL');
  // Resolves when nobody holds its output any more: also where the worker was still being loaded, as in lifecycle.test.ts.
  await server.exited;
  expect(server.logs.at(-1)).toContain('the worker stops');
});
