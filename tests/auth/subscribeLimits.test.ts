import { expect, it } from 'vitest';
import { createSubscribeLimits } from '#auth/subscribeLimits.ts';

const perClient = { points: 2, duration: 600 };
const overall = { points: 5, duration: 60 };

it('gives each client its turns and then says how long to wait', async () => {
  const take = createSubscribeLimits({ perClient, overall });
  expect(await take('192.0.2.1')).toEqual({ ok: true });
  expect(await take('192.0.2.1')).toEqual({ ok: true });
  expect(await take('192.0.2.1')).toEqual({ ok: false, retryAfter: expect.any(Number) });
  expect(await take('192.0.2.2')).toEqual({ ok: true });
});

it('counts a /64 of IPv6 as one client, however it is written, and IPv4 written as IPv6 as itself', async () => {
  const take = createSubscribeLimits({ perClient, overall: { ...overall, points: 100 } });
  await take('2001:db8:0:1::1');
  await take('2001:db8:0:1:ffff::2');
  expect(await take('2001:db8:0:1:2:3:4:5')).toMatchObject({ ok: false });
  expect(await take('2001:db8:0:2::1')).toEqual({ ok: true });
  await take('::ffff:192.0.2.1');
  await take('192.0.2.1');
  expect(await take('::ffff:192.0.2.1')).toMatchObject({ ok: false });
  expect(await take('::ffff:192.0.2.2')).toEqual({ ok: true });
});

it('gives all clients together no more than the overall limit', async () => {
  const take = createSubscribeLimits({ perClient, overall });
  const turns = [];
  for (let i = 0; i < 7; i++) turns.push((await take(`192.0.2.${i}`)).ok);
  expect(turns).toEqual([true, true, true, true, true, false, false]);
});
