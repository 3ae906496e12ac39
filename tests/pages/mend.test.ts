import { afterAll, beforeAll, expect, it } from 'vitest';
import { listFanoutsOf } from '#services/deliveries.ts';
import { listOutgoing } from '#services/fanoutControl.ts';
import { getIncident } from '#services/incidents.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { type House, openHouse } from './adminHouse.ts';

const RIGHT = 'Card payments in Europe fail.';

let house: House;
beforeAll(async () => {
  house = await openHouse(3);
});
afterAll(() => house?.close());

async function post(seconds: number) {
  await setReleaseSeconds(house.db, seconds);
  const { id } = await house.incident();
  const path = `/admin/incidents/${id}`;
  const fields = { version: '2', audience: 'public', status: 'identified', body: 'All payments fail.' };
  const answer = await house.post(path, { do: 'post', ...fields });
  expect(answer.headers.location).toBe(`${path}?done=posted#outgoing`);
  const [fanout] = await listFanoutsOf(house.as('comms'), id);
  return { id, path, noticeId: fanout?.noticeId as string };
}

const mendFields = {
  body: RIGHT,
  affected: '',
  workaround: '',
  scope: '',
  estimate: '',
  wrong: 'Only Europe.',
};

it('shows both mails and how many get each, keeps what was typed, and sends nothing before it is told to', async () => {
  const { path, noticeId } = await post(600);
  await house.post(path, { do: 'stopMail', notice: noticeId });
  const mend = `/admin/deliveries/${noticeId}/mend`;
  const { body } = await house.get(mend);
  expect(body).toContain('Its mail is stopped, and nobody got it.');
  expect(body).toContain('To all 3 people, as if nothing had been.');
  expect(body).not.toContain('The correction');
  expect((await house.post(mend, { do: 'preview', ...mendFields })).headers.location).toBe(
    `${mend}?done=preview#preview`,
  );
  expect((await house.get(mend)).body).toContain(RIGHT);
  expect((await house.get(`${mend}/mail`)).body).toContain(RIGHT);
  const refused = await house.post(mend, { do: 'mend', ...mendFields, body: '', affected: 'kept' });
  expect(refused.status).toBe(422);
  expect(refused.body).toContain('value="kept"');
  expect((await house.post(mend, { do: 'discard', ...mendFields })).headers.location).toBe(
    `${mend}?done=discarded`,
  );
  expect((await house.get(mend)).body).not.toContain(RIGHT);
  const sent = await house.post(mend, { do: 'mend', ...mendFields });
  expect(sent.headers.location).toBe(`${path}?done=mended#outgoing`);
  expect((await house.get(path)).body).toMatch(/Leaves in[\s\S]*to 3 people/);
});

it('leads back when all of it has left, and what is sent late all the same is a correction to everyone', async () => {
  const { id, path, noticeId } = await post(0);
  await expect
    .poll(async () => (await listOutgoing(house.as('comms'), id)).length, { timeout: 60_000 })
    .toBe(0);
  const mend = `/admin/deliveries/${noticeId}/mend`;
  const { updates } = await getIncident(house.as('comms'), id);
  const { status, headers } = await house.get(mend);
  expect([status, headers.location]).toEqual([303, `${path}?done=allLeft#update-${updates[0]?.id}`]);
  expect((await house.get(`${path}?done=allLeft`)).body).toContain('All of it has left already.');
  // It was open when the last of it left.
  const sent = await house.post(mend, { do: 'mend', ...mendFields });
  expect(sent.headers.location).toBe(`${path}?done=mended#outgoing`);
  const fanouts = await listFanoutsOf(house.as('comms'), id);
  expect(fanouts.map(({ expected }) => expected)).toEqual([3, 3]);
  expect((await getIncident(house.as('comms'), id)).updates[0]?.body).toBe(RIGHT);
  const mail = await house.db.read((tx) =>
    tx.selectFrom('notices').select('html').orderBy('seq', 'desc').limit(1).executeTakeFirstOrThrow(),
  );
  expect(mail.html).toContain('Identified, corrected');
  expect(mail.html).toContain(RIGHT);
});
