import { expect, it } from 'vitest';
import { createGate } from '#delivery/transports/hookGate.ts';

const HOST = 'hooks.example';

it('keeps two places at each host for calls to staff, whoever else is being called there', async () => {
  const gate = createGate(1);
  const others = [];
  for (let call = 0; call < 8; call++) others.push(await gate.enter(HOST, false));
  expect(others).not.toContain(null);
  expect(await gate.enter(HOST, false)).toBeNull();
  expect(await gate.enter(HOST, true)).not.toBeNull();
  const second = await gate.enter(HOST, true);
  expect(second).not.toBeNull();
  expect(await gate.enter(HOST, true)).toBeNull();
  // Their places are kept for them: nobody else takes one that is left.
  second?.leave(true);
  expect(await gate.enter(HOST, false)).toBeNull();
  expect(await gate.enter(HOST, true)).not.toBeNull();
});

it('tries a call to staff where nothing answers, beside the one call that feels the way', async () => {
  const gate = createGate(1);
  (await gate.enter(HOST, false))?.leave(false);
  expect(await gate.enter(HOST, false)).not.toBeNull();
  expect(await gate.enter(HOST, false)).toBeNull();
  expect(await gate.enter(HOST, true)).not.toBeNull();
});
