import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Answer } from '#server/answer.ts';
import { openLastGood } from '#server/cache/lastGood.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-last-good-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = () =>
  openLastGood(folder, (error) => {
    throw error;
  });

function answer(text: string): Answer {
  return { status: 200, headers: [['content-type', 'text/html']], body: Buffer.from(text) };
}

test('what was kept is there after a restart, whole', async () => {
  const first = open();
  first.keep('/', { answer: answer('one\ntwo\n'), renderedAt: 17 });
  await first.flush();
  const again = open();
  expect(again.size()).toBe(1);
  expect(await again.read('/')).toEqual({ answer: answer('one\ntwo\n'), renderedAt: 17 });
  expect(await again.read('/history')).toBeNull();
});

test('it can be read before it is written, and the newest wins', async () => {
  const store = open();
  for (let i = 0; i < 100; i++) store.keep('/', { answer: answer(`v${i}`), renderedAt: i });
  expect((await store.read('/'))?.answer.body.toString()).toBe('v99');
  await store.flush();
  expect((await open().read('/'))?.answer.body.toString()).toBe('v99');
});

test('a damaged file is not shown', async () => {
  const store = open();
  store.keep('/', { answer: answer('x'.repeat(1000)), renderedAt: 1 });
  await store.flush();
  const file = join(folder, readdirSync(folder)[0] as string);
  const whole = readFileSync(file);
  truncateSync(file, whole.length - 10);
  expect(await open().read('/')).toBeNull();
  writeFileSync(file, whole.toString('latin1').replace('xxx', 'xyx'), 'latin1');
  expect(await open().read('/')).toBeNull();
  writeFileSync(file, 'nonsense');
  expect(await open().read('/')).toBeNull();
});

test('the folder does not grow past its bound: the oldest go', async () => {
  const store = open();
  for (let i = 0; i < 1005; i++)
    store.keep(`/incidents/${i}`, { answer: answer(`page ${i}`), renderedAt: i });
  await store.flush();
  expect(store.size()).toBe(1000);
  expect(readdirSync(folder)).toHaveLength(1000);
  expect(await store.read('/incidents/0')).toBeNull();
  expect(await store.read('/incidents/1004')).not.toBeNull();
});

test('all of them are taken away at once, whoever wrote them; that there were some is still known', async () => {
  const store = open();
  const other = open();
  expect(store.wasUsed()).toBe(false);
  store.keep('/', { answer: answer('mine'), renderedAt: 1 });
  await store.flush();
  other.keep('/history', { answer: answer('of another process'), renderedAt: 1 });
  await other.flush();
  store.keep('/on-time', { answer: answer('not written yet'), renderedAt: 1 });
  store.clear();
  expect([store.has('/'), store.has('/on-time'), store.wasUsed()]).toEqual([true, false, true]);
  await store.flush();
  expect(readdirSync(folder)).toEqual(['cleared']);
  expect([store.has('/'), await store.read('/'), store.size(), open().wasUsed()]).toEqual([
    false,
    null,
    0,
    true,
  ]);
  store.keep('/', { answer: answer('public again'), renderedAt: 2 });
  await store.flush();
  expect((await open().read('/'))?.renderedAt).toBe(2);
});
