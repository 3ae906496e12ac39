import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { AppError } from '#domain/errors.ts';
import type { PageAccess } from '#domain/pageAccess.ts';
import { textAnswer } from '#server/answer.ts';
import { makeSendable } from '#server/cache/sendable.ts';
import { createAdmission, createGate, type GateOptions, privately } from '#server/gate.ts';
import { type RouterOptions, route } from '#server/router.ts';

const OPEN: PageAccess = { mode: 'everyone', passwordHash: null };
const CLOSED: PageAccess = { mode: 'signIn', passwordHash: null };
const WHERE = { path: '/', target: '/', door: '/enter', isBehind: true };
const never = () => new Promise<never>(() => undefined);

function asking(headers: Record<string, string> = {}, url = '/'): IncomingMessage {
  return { method: 'GET', url, headers: { host: 'here', ...headers } } as unknown as IncomingMessage;
}

function gateWith(options: Partial<GateOptions> = {}) {
  let closed = 0;
  const gate = createGate({
    admits: async () => false,
    onClosed: () => {
      closed += 1;
    },
    wait: async () => undefined,
    unavailable: async () => textAnswer(503, 'later'),
    ...options,
  });
  const ask = async (headers?: Record<string, string>) => {
    const answer = await gate.ask(asking(headers), WHERE);
    return typeof answer === 'string' ? answer : answer.status;
  };
  return { gate, ask, closings: () => closed };
}

it('lets nobody in after a change of who may see the page until that is read, though reading fails or hangs', async () => {
  for (const relearn of [never, () => Promise.reject(new Error('no database'))]) {
    const { gate, ask } = gateWith();
    gate.learn(gate.ticket(), OPEN);
    expect([gate.isOpen(), await ask()]).toEqual([true, 'open']);
    const before = gate.ticket();
    gate.changed(relearn);
    expect([gate.isOpen(), gate.isPrivate(), await ask()]).toEqual([false, true, 503]);
    // Asked for before the change, so it may be of before.
    gate.learn(before, OPEN);
    expect(await ask()).toBe(503);
    gate.learn(gate.ticket(), CLOSED);
    expect([gate.isOpen(), await ask()]).toEqual([false, 401]);
  }
});

it('takes the answer that was asked for last, and clears up once for each closing', () => {
  const { gate, closings } = gateWith();
  const [first, second] = [gate.ticket(), gate.ticket()];
  gate.learn(second, CLOSED);
  gate.learn(first, OPEN);
  expect([gate.isOpen(), closings()]).toEqual([false, 1]);
  gate.learn(gate.ticket(), CLOSED);
  expect(closings()).toBe(1);
  gate.learn(gate.ticket(), OPEN);
  gate.learn(gate.ticket(), CLOSED);
  expect(closings()).toBe(2);
});

it('tells who tried too often how long to wait, and leads people to the door, which tells them', async () => {
  for (const [code, status] of [
    ['too_many', 429],
    ['unavailable', 503],
  ] as const) {
    const { gate, ask } = gateWith({
      admits: () => Promise.reject(new AppError(code, 'Not now.', { fix: 'Wait.', retryAfter: 7 })),
    });
    gate.learn(gate.ticket(), { mode: 'password', passwordHash: 'x' });
    expect(await ask()).toBe(status);
    expect(await ask({ accept: 'text/html', 'sec-fetch-mode': 'navigate' })).toBe(303);
  }
});

it('believes a session that it knew while the database does not answer, and is not held up by it each time', async () => {
  let now = 0;
  let asked = 0;
  let answer: () => Promise<boolean> = async () => true;
  const admits = createAdmission(
    () => {
      asked += 1;
      return answer();
    },
    { now: () => now, wait: async () => undefined },
  );
  const known = asking({ cookie: 'session=known' });
  const stranger = asking({ cookie: 'session=other' });
  // A wait that is over at once would be quicker than any answer but one that is there.
  expect(await admits(known, CLOSED)).toBe(true);
  answer = never;
  now = 1;
  expect([await admits(known, CLOSED), await admits(stranger, CLOSED)]).toEqual([true, false]);
  const before = asked;
  expect(await admits(known, CLOSED)).toBe(true);
  expect(asked).toBe(before);
  // Not under another password, nor for longer than a day's work.
  expect(await admits(known, { mode: 'password', passwordHash: 'new' })).toBe(false);
  now = 13 * 60 * 60_000;
  expect(await admits(known, CLOSED)).toBe(false);
  answer = async () => false;
  now += 2_000;
  expect(await admits(known, CLOSED)).toBe(false);
});

it('does not take a slow look at a password for a database that is away', async () => {
  let admitted = true;
  const looks: ((admitted: boolean) => void)[] = [];
  const admits = createAdmission(
    ({ headers }) =>
      headers.authorization ? new Promise((resolve) => looks.push(resolve)) : Promise.resolve(admitted),
    { now: () => 0, wait: async () => undefined },
  );
  const known = asking({ cookie: 'session=known' });
  expect(await admits(known, CLOSED)).toBe(true);
  const guess = admits(asking({ authorization: 'Basic eDp5', cookie: 'session=known' }), CLOSED);
  await new Promise(setImmediate);
  // Its session has ended, and the database says so.
  admitted = false;
  expect(await admits(known, CLOSED)).toBe(false);
  looks[0]?.(true);
  expect(await guess).toBe(true);
});

it('gives nobody what was rendered while the page was being closed', async () => {
  const { gate } = gateWith();
  gate.learn(gate.ticket(), OPEN);
  const options = {
    siteUrl: 'http://here',
    isKnownHost: () => true,
    formerHosts: [],
    files: new Map(),
    servesPages: true,
    routeAt: () => '/',
    languages: ['en'],
    gate,
    cache: {
      get: async () => {
        gate.learn(gate.ticket(), CLOSED);
        return { kind: 'fresh', sendable: makeSendable(textAnswer(200, 'inside')) };
      },
    },
  } as unknown as RouterOptions;
  const outcome = await route(asking(), options);
  expect('answer' in outcome && [outcome.answer.status, outcome.answer.body.includes('inside')]).toEqual([
    401,
    false,
  ]);
});

it('marks what it lets through for that browser alone, and makes that once', () => {
  const sendable = makeSendable(textAnswer(200, 'inside', { 'cache-control': 'public, s-maxage=5' }));
  const first = privately({ sendable });
  expect('sendable' in first && Object.fromEntries(first.sendable.answer.headers)).toMatchObject({
    'cache-control': 'private, no-cache',
    'cdn-cache-control': 'no-store',
    'x-robots-tag': 'noindex',
  });
  expect(privately({ sendable })).toEqual(first);
  const kept = privately({ answer: textAnswer(200, 'x') });
  expect('answer' in kept && Object.fromEntries(kept.answer.headers)['cache-control']).toBe('no-store');
});
