import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createResolveHost } from '#delivery/resolveHost.ts';
import { hookTransport } from '#delivery/transports/hook.ts';
import { callHook } from '#delivery/transports/hookCall.ts';
import { resendTransport } from '#delivery/transports/resend.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { incidentHouse } from '../services/incidentHouse.ts';
import { eachDatabase } from '../support/databases.ts';
import { startFakeResend } from '../support/fakeResend.ts';
import { type NameServer, startNameServer } from '../support/nameServer.ts';
import { makeSubscribers } from '../support/people.ts';
import { expandAll, MARK, rigEngine, SENDER, SITE } from './support.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function nameServer(answer?: NameServer['answer']): Promise<NameServer> {
  const server = await startNameServer(answer);
  ends.push(server.close);
  return server;
}

function hostsFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-hosts-'));
  ends.push(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'hosts'), text);
  return join(folder, 'hosts');
}

const LOOPBACK_6 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

it('finds IPv4 and IPv6, names of the hosts file, localhost and what is an address already', async () => {
  const { address, asked } = await nameServer((name, kind) => {
    if (name === 'both.example')
      return kind === 'A'
        ? [
            [203, 0, 113, 5],
            [203, 0, 113, 6],
          ]
        : [LOOPBACK_6];
    return name === 'six.example' && kind === 'AAAA' ? [LOOPBACK_6] : [];
  });
  const resolve = createResolveHost({
    allowPrivate: false,
    servers: [address],
    hostsFile: hostsFile('10.1.2.3 chat.example  chat # ours\n::5 chat.example\n# 10.9.9.9 other.example\n'),
  });
  expect(await resolve('both.example')).toEqual(['203.0.113.5', '203.0.113.6', '::1']);
  expect(await resolve('six.example.')).toEqual(['::1']);
  const before = asked.length;
  expect(await resolve('CHAT.example')).toEqual(['10.1.2.3', '::5']);
  expect(await resolve('localhost')).toEqual(['127.0.0.1', '::1']);
  expect(await resolve('192.0.2.7')).toEqual(['192.0.2.7']);
  expect(asked.length).toBe(before);
  await expect(resolve('other.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

it('gives up at its deadline, and says that it is not known, not that there is no such host', async () => {
  const { address, asked } = await nameServer();
  const resolve = createResolveHost({ allowPrivate: false, servers: [address], deadlineMs: 200 });
  const began = performance.now();
  await expect(resolve('silent.example')).rejects.toMatchObject({ code: 'EAI_AGAIN' });
  expect(performance.now() - began).toBeLessThan(1_400);
  expect(asked.map(({ kind }) => kind).sort()).toEqual(['A', 'AAAA']);
});

it('refuses what leads inside, whoever answered', async () => {
  const { address } = await nameServer((_, kind) => (kind === 'A' ? [[10, 0, 0, 5]] : []));
  for (const url of ['http://inside.example/', 'http://hosts.example/']) {
    const answer = await callHook(
      { url, headers: {}, body: '{}' },
      {
        rules: { allowHttp: true, allowPrivate: false },
        resolve: createResolveHost({
          allowPrivate: false,
          servers: [address],
          hostsFile: hostsFile('127.0.0.1 hosts.example'),
        }),
        timeoutMs: 5_000,
        signal: new AbortController().signal,
      },
    );
    expect(answer, url).toMatchObject({ kind: 'failed', reason: expect.stringContaining('private network') });
  }
});

it('asks the system only for a private network, about names that no server knows, and one at a time', async () => {
  const { address } = await nameServer(() => []);
  const asked: string[] = [];
  let answer = (_: string[]) => {};
  const options = {
    servers: [address],
    deadlineMs: 300,
    bySystem: (host: string) => {
      asked.push(host);
      return new Promise<string[]>((resolve) => {
        answer = resolve;
      });
    },
  };
  await expect(createResolveHost({ ...options, allowPrivate: false })('wiki')).rejects.toThrow('ENOTFOUND');
  expect(asked).toEqual([]);
  const resolve = createResolveHost({ ...options, allowPrivate: true });
  // It never comes back: whoever waits is let go, and no second one takes a thread.
  await expect(resolve('wiki')).rejects.toThrow('EAI_AGAIN');
  await expect(resolve('chat')).rejects.toThrow('ENOTFOUND');
  expect(asked).toEqual(['wiki']);
  answer(['10.0.0.9']);
  const found = resolve('chat');
  await expect.poll(() => asked).toEqual(['wiki', 'chat']);
  answer(['10.0.0.8']);
  expect(await found).toEqual(['10.0.0.8']);
});

eachDatabase('webhooks under names that nobody answers for', (fresh) => {
  it('hold up no mail, which looks its provider up meanwhile', async () => {
    const home = await incidentHouse(fresh);
    const silent = await nameServer();
    const fake = await startFakeResend();
    ends.push(() => fake.close());
    const ctx = { ...home.ctx, hooks: { ...home.ctx.hooks, allowHttp: true } };
    for (let nth = 0; nth < 60; nth++)
      await addHookSubscriber(ctx, {
        channel: 'webhook',
        url: `http://silent${nth}.example/`,
        name: null,
        owner: 'stranger@example.com',
      });
    await makeSubscribers(home.db, 30);
    const rules = { allowHttp: true, allowPrivate: false };
    const resolve = createResolveHost({ ...rules, servers: [silent.address], deadlineMs: 60_000 });
    const calls = hookTransport({ rules, resolve, siteUrl: SITE, timeoutMs: 60_000 });
    const hooks = await rigEngine(home.db, calls, { clock: ctx.clock });
    const mail = await rigEngine(
      home.db,
      // By its name, which takes a thread.
      resendTransport({
        apiKey: 're_test',
        baseUrl: fake.url.replace('127.0.0.1', 'localhost'),
        sender: SENDER,
        mark: MARK,
      }),
      { clock: ctx.clock },
    );
    const { id } = await home.declare();
    await home.say(id, { status: 'investigating', notify: true });
    await expandAll(home.db, ctx.now);
    while (await hooks.engine.round());
    await expect.poll(() => new Set(silent.asked.map(({ name }) => name)).size).toBeGreaterThan(50);
    const began = performance.now();
    await mail.drain();
    expect(fake.taken).toBeGreaterThanOrEqual(30);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(hooks.engine.inFlight().length).toBeGreaterThan(50);
    hooks.engine.stopClaiming();
    await calls.close();
    await hooks.drain();
  });
});
