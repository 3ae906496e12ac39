import { afterAll, beforeAll, expect, it } from 'vitest';
import { declareRestricted } from '#services/restricted.ts';
import { listUsers } from '#services/users.ts';
import { type House, openHouse } from './adminHouse.ts';

/** Every form as a browser without scripts would send it. */
let house: House;
beforeAll(async () => {
  house = await openHouse(3, { FOGHORN_ROLE: 'web' });
});
afterAll(() => house?.close());

const plain = (html: string) => html.replace(/ data-astro-cid-\w+(="")?/g, '').replace(/\s+/g, ' ');

it('disabling the last who sees something restricted is asked about, and done on the second press', async () => {
  await declareRestricted(house.as('responder'), {
    title: 'A key lay open',
    severity: 'SEV1',
    components: [],
    viewers: [],
  });
  const stateOf = async () =>
    (await listUsers(house.as('owner'))).find(({ role }) => role === 'responder')?.disabledAt;
  const rui = (await listUsers(house.as('owner'))).find(({ role }) => role === 'responder')?.id as string;
  const form = { do: 'disable', user: rui };
  const asked = await house.post('/admin/users', form, 'owner');
  expect(asked.status).toBe(409);
  const body = plain(asked.body);
  expect(body).toContain('<a href="#anyway">Nobody but Rui Costa sees a restricted incident.');
  expect(body).toContain('<input type="hidden" name="anyway" value="yes">');
  expect(body).toMatch(
    /id="anyway" type="submit" name="do" value="disable"> Disable<span class="hide"> Rui Costa<\/span> anyway/,
  );
  expect(asked.body).not.toContain('A key lay open');
  expect(await stateOf()).toBeNull();
  const done = await house.post('/admin/users', { ...form, anyway: 'yes' }, 'owner');
  expect(done).toMatchObject({ status: 303, headers: { location: '/admin/users?done=disabled' } });
  expect(await stateOf()).not.toBeNull();
  expect((await house.get('/admin/users', 'owner')).body).not.toContain('id="anyway"');
});
