import { afterAll, beforeAll, expect, it } from 'vitest';
import { getPolicies } from '#services/policies.ts';
import { type House, openHouse } from './adminHouse.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse(1, { FOGHORN_ROLE: 'web' });
});
afterAll(() => house?.close());

const PATH = '/admin/settings/policies';

/** The form as it stands, as a browser would send it. */
async function shown(): Promise<URLSearchParams> {
  const { body } = await house.get(PATH, 'owner');
  const form = new URLSearchParams();
  for (const [tag] of body.matchAll(/<(input|textarea)\b[^>]*>/g)) {
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
    const name = attribute('name');
    const isLeft = /type="checkbox"/.test(tag) && !/\bchecked/.test(tag);
    if (name && !isLeft) form.append(name, attribute('value') ?? '');
  }
  return form;
}

const send = async (form: URLSearchParams) =>
  fetch(house.server.url + PATH, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      cookie: await house.cookie('owner'),
      origin: house.server.url,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: form.toString(),
  });

it('sends back what it shows, and saves nothing when nothing is different', async () => {
  const answer = await send(await shown());
  expect(answer.headers.get('location')).toBe(`${PATH}?done=same`);
  expect((await getPolicies(house.as('owner'))).history).toEqual([]);
});

it('saves what was changed, with its reason, and says what it was before in the list of what was agreed', async () => {
  const form = await shown();
  form.set('SEV1.publicUpdateEvery', '20');
  form.delete('SEV1.lateTell');
  form.append('SEV1.lateTell', 'manager');
  form.set('reason', 'Half an hour is too long.');
  expect((await send(form)).headers.get('location')).toBe(`${PATH}?done=saved`);
  const { current, history } = await getPolicies(house.as('owner'));
  expect(current.policies.SEV1).toMatchObject({ publicUpdateEvery: 20, lateTell: ['manager'] });
  expect(history).toHaveLength(1);
  expect((await house.get(PATH, 'owner')).body).toContain('Half an hour is too long.');
});

it('says of which severity a number is wrong, leads to it, and keeps what was typed', async () => {
  const form = await shown();
  form.set('SEV2.publicUpdateEvery', 'soon');
  const answer = await send(form);
  expect(answer.status).toBe(422);
  const body = await answer.text();
  const wrong = /<div class="wrong"[\s\S]*?<\/div>/.exec(body)?.[0];
  expect(wrong).toMatch(/<a href="#SEV2\.publicUpdateEvery"[^>]*>SEV2: The time between public updates is/);
  const field = /<input[^>]*id="SEV2\.publicUpdateEvery"[^>]*>/.exec(body)?.[0];
  expect(field).toContain('value="soon"');
  expect(field).toContain('aria-invalid="true"');
  expect(field).toContain('aria-describedby="SEV2.publicUpdateEvery-problem"');
  expect(body).toContain('id="SEV2.publicUpdateEvery-problem"');
});

it('says what hours past midnight mean, and keeps them', async () => {
  const words = 'work begins at 22:00 and ends at 06:00 on the day after';
  expect((await house.get(PATH, 'owner')).body).not.toContain('past midnight');
  const form = await shown();
  form.set('hours.opens', '22:00');
  form.set('hours.closes', '06:00');
  form.set('SEV1.lateEvery', 'soon');
  // Said before they are saved, too.
  expect(await (await send(form)).text()).toContain(words);
  form.set('SEV1.lateEvery', '5');
  expect((await send(form)).headers.get('location')).toBe(`${PATH}?done=saved`);
  expect((await house.get(PATH, 'owner')).body).toContain(words);
  const { hours } = (await getPolicies(house.as('owner'))).current;
  expect(hours).toMatchObject({ opens: '22:00', closes: '06:00' });
});

it('asks for an approver where that is ticked, and no more once it is not', async () => {
  const agreed = async () =>
    (await getPolicies(house.as('owner'))).current.policies.SEV2.needsApproval ?? false;
  expect(await agreed()).toBe(false);
  const form = await shown();
  form.append('SEV2.needsApproval', 'yes');
  await send(form);
  expect(await agreed()).toBe(true);
  expect((await send(await shown())).headers.get('location')).toBe(`${PATH}?done=same`);
  const off = await shown();
  off.delete('SEV2.needsApproval');
  await send(off);
  expect(await agreed()).toBe(false);
});
