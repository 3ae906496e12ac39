import { afterAll, beforeAll, expect, it } from 'vitest';
import { listFanoutsOf } from '#services/deliveries.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { type House, openHouse } from './adminHouse.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse(3);
});
afterAll(() => house?.close());

async function stopped() {
  await setReleaseSeconds(house.db, 600);
  const { id } = await house.incident();
  const path = `/admin/incidents/${id}`;
  const fields = { version: '2', audience: 'public', status: 'identified', body: 'All payments fail.' };
  await house.post(path, { do: 'post', ...fields });
  const [fanout] = await listFanoutsOf(house.as('comms'), id);
  const noticeId = fanout?.noticeId as string;
  await house.post(path, { do: 'stopMail', notice: noticeId });
  return { path, message: `/admin/deliveries/${noticeId}`, drop: `/admin/deliveries/${noticeId}/drop` };
}

it('asks first with how many will not hear it, and then ends it, without a script', async () => {
  const { path, message, drop } = await stopped();
  for (const screen of [path, message])
    expect((await house.get(screen)).body).toMatch(
      new RegExp(`<a[^>]*href="${drop}"[^>]*>\\s*Drop the rest`),
    );
  const asked = await house.get(drop);
  expect(asked.body).toContain('3 people will not hear it.');
  expect(asked.body).toContain('Nobody got it.');
  expect(asked.body).toContain('It cannot be taken back.');
  expect(asked.body).not.toContain('correction');
  // To look changes nothing.
  expect((await house.get(path)).body).toContain('Go on as it is');

  const done = await house.post(drop, {});
  expect(done.headers.location).toBe(`${path}?done=dropped#outgoing`);
  const after = (await house.get(`${path}?done=dropped`)).body;
  expect(after).toContain('Dropped: nobody else hears it.');
  expect(after).not.toContain('Go on as it is');
  await expect
    .poll(async () => (await house.get(message)).body, { timeout: 60_000 })
    .toContain('>Superseded</a>');
  const shown = (await house.get(message)).body;
  expect(shown).toContain('The rest was dropped');
  expect(shown).toContain('0 sent · 3 left out');
  expect(shown).not.toContain('Let it go on');
  expect((await house.get('/admin/deliveries')).body).toContain('the rest dropped by');
});

it('says, when what nobody got is changed, that no mail corrects it', async () => {
  const { path, drop } = await stopped();
  await house.post(drop, {});
  const id = /id="update-(\w+)"/.exec((await house.get(path)).body)?.[1] as string;
  const edited = await house.post(path, {
    do: 'edit',
    update: id,
    [`edit-${id}-body`]: 'Some payments fail.',
    notify: 'yes',
  });
  const location = edited.headers.location as string;
  expect(location).toContain('done=editedUntold');
  expect((await house.get(location.split('#')[0] as string)).body).toContain(
    'Nobody had been mailed it as it was, so no mail corrects it.',
  );
});

it('says so when there is nothing to drop any more', async () => {
  const { message, drop } = await stopped();
  await house.post(message, { do: 'goOn' });
  expect((await house.get(drop)).body).toContain('Nothing of it is stopped.');
  const late = await house.post(drop, {});
  expect(late.status).toBe(409);
  expect(late.body).toContain('Nothing was dropped');
  expect(late.body).not.toContain('will not hear it');
});
