import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Foghorn } from '../../src/foghorn.ts';

/**
 * Loaded into the real server's process before it (`node --import`): asks for the writer's turn every so often, as a post would, and
 * keeps how long it had to wait. `GET /begin?every=MS`, then `GET /end`.
 */
const KEY = Symbol.for('foghorn');
const holder = globalThis as { [KEY]?: Promise<Foghorn> };
let waits: Promise<number>[] = [];
let timer: NodeJS.Timeout | undefined;

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url as string, 'http://probe');
  if (pathname === '/begin') {
    waits = [];
    const { db } = await (holder[KEY] as Promise<Foghorn>);
    timer = setInterval(() => waits.push(waitForTurn(db)), Number(searchParams.get('every')));
  } else clearInterval(timer);
  response.end(JSON.stringify(pathname === '/end' ? await Promise.all(waits) : null));
});
server.unref();
server.listen(0, '127.0.0.1', () =>
  console.log(`probe http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);

/** @returns milliseconds until this write has its turn */
async function waitForTurn(db: Foghorn['db']): Promise<number> {
  const asked = performance.now();
  return db.write(async () => performance.now() - asked);
}
