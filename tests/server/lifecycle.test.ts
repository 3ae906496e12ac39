import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '#db/open.ts';
import { ask } from '../support/http.ts';
import { startServer } from '../support/server.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'foghorn-lifecycle-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** A request of which the last byte is still to come. */
async function halfSent(url: string): Promise<{ finish: () => void; answered: Promise<string> }> {
  const { host, port } = new URL(url);
  const socket = createConnection(Number(port), '127.0.0.1');
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes;
  });
  const answered = new Promise<string>((resolve) => socket.on('close', () => resolve(text)));
  const body = 'email=someone%40example.com';
  await new Promise<void>((resolve) =>
    socket.write(
      `POST /subscribe HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
      () => resolve(),
    ),
  );
  // "100 Continue" is the sign that the server is at it.
  await new Promise<void>((resolve) => socket.once('data', () => resolve()));
  return { answered, finish: () => socket.write(body) };
}

test('SIGTERM: the request that runs is answered, then the process ends well', async () => {
  const server = await startServer({ dataDir });
  const { finish, answered } = await halfSent(server.url);
  const stopped = server.stop();
  await server.logged(/"msg":"stopping"/);
  // Refused, or reset when it was knocking just as the door closed; answered in no case.
  await expect(ask(server.url)).rejects.toMatchObject({
    code: expect.stringMatching(/^ECONN(REFUSED|RESET)$/),
  });
  finish();
  expect(await answered).toMatch(/HTTP\/1\.1 [234]\d\d /);
  expect(await stopped).toBe(0);
  expect(server.logs.at(-1)).toContain('"stopped"');
});

test('a second signal does not wait', async () => {
  const server = await startServer({ dataDir });
  await halfSent(server.url);
  void server.stop();
  await server.logged(/"msg":"stopping"/);
  expect(await server.stop()).toBe(1);
});

test('a rejection that nothing waits for is logged and ends the process', async () => {
  const fault = 'process.on("SIGUSR2", () => void Promise.reject(new Error("the fault")))';
  const server = await startServer({
    dataDir,
    nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(fault)}`],
  });
  process.kill(server.pid, 'SIGUSR2');
  expect(await server.exited).toBe(1);
  const last = JSON.parse(await server.logged(/"level":60/));
  expect(last).toMatchObject({ err: { message: 'the fault' } });
});

test('a database that a newer version wrote is refused', async () => {
  const first = await startServer({ dataDir });
  await first.stop();
  const db = await openDatabase(`sqlite:${join(dataDir, 'foghorn.db')}`);
  await db.write((tx) =>
    sql`insert into migrations (name, applied_at) values ('9999_future', '2030-01-01T00:00:00.000Z')`.execute(
      tx,
    ),
  );
  await db.close();
  const server = await startServer({ dataDir, until: 'nothing' });
  expect(await server.exited).toBe(1);
  expect(server.logs.at(-1)).toContain('written by a newer Foghorn (it has 9999_future)');
});

test('a port that is taken, and a setting that is wrong, are named', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const blocked = await startServer({ dataDir, until: 'nothing', env: { PORT: String(port) } });
  expect(await blocked.exited).toBe(1);
  expect(blocked.logs.join()).toContain(`Port ${port} is in use`);
  taken.close();
  const wrong = await startServer({ dataDir, until: 'nothing', env: { TRUSTED_HOPS: 'many' } });
  expect(await wrong.exited).toBe(1);
  expect(wrong.logs.join()).toContain('TRUSTED_HOPS is "many"');
});

test('a worker serves its health and no pages; the first start prints where to make the owner', async () => {
  const server = await startServer({ dataDir, env: { FOGHORN_ROLE: 'worker' } });
  expect((await ask(server.url, '/readyz')).status).toBe(200);
  expect((await ask(server.url)).status).toBe(404);
  expect(server.logs.join('\n')).toMatch(/Make the first owner at:\n\s+http:\/\/127/);
  expect(await server.stop()).toBe(0);
});
