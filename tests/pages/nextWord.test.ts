import { afterAll, beforeAll, expect, it } from 'vitest';
import { listHolds } from '#db/calls.ts';
import { listFanoutsOf } from '#services/deliveries.ts';
import { getIncident } from '#services/incidents.ts';
import { type House, openHouse } from './adminHouse.ts';

let house: House;
beforeAll(async () => {
  // The clock of the worker would make calls of its own.
  house = await openHouse(3, { FOGHORN_ROLE: 'web' });
});
afterAll(() => house?.close());

const read = (id: string) => getIncident(house.as('comms'), id);
const bodyOf = (html: string) => /<textarea id="body"[^>]*>\n?([^<]*)</.exec(html)?.[1] ?? '';

it('shows the next word, drafted, and changes nothing by being looked at', async () => {
  const { id } = await house.incident();
  const before = await read(id);
  const { status, body } = await house.get(`/admin/incidents/${id}/next`);
  expect(status).toBe(200);
  expect(bodyOf(body).length).toBeGreaterThan(20);
  expect(body).toContain('Mail 3 people');
  expect(await read(id)).toEqual(before);
});

it('posts it as a holding update by one press, to subscribers or on the page alone', async () => {
  for (const notify of ['yes', 'no']) {
    const { id } = await house.incident();
    const path = `/admin/incidents/${id}/next`;
    const { body } = await house.get(path);
    const version = /name="version" value="(\d+)"/.exec(body)?.[1] as string;
    const answer = await house.post(path, { do: 'post', version, notify, body: bodyOf(body) });
    expect([answer.status, answer.headers.location]).toEqual([
      303,
      `/admin/incidents/${id}?done=${notify === 'yes' ? 'posted#outgoing' : 'quiet'}`,
    ]);
    const incident = await read(id);
    expect(incident.updates[0]).toMatchObject({ kind: 'holding', audience: 'public', body: bodyOf(body) });
    expect((await listFanoutsOf(house.as('comms'), id)).length).toBe(notify === 'yes' ? 1 : 0);
    // A second press of the same form posts nothing twice.
    const again = await house.post(path, { do: 'post', version, notify, body: bodyOf(body) });
    expect(again.status).toBe(409);
    expect((await read(id)).updates.length).toBe(incident.updates.length);
  }
});

it('publishes what was only declared, with the components that were named', async () => {
  const { id } = await house.incident({ published: false });
  const path = `/admin/incidents/${id}/next`;
  const { body } = await house.get(path);
  expect(body).toContain('The first word to visitors');
  const version = /name="version" value="(\d+)"/.exec(body)?.[1] as string;
  await house.post(path, { do: 'post', version, notify: 'no', body: bodyOf(body) });
  const incident = await read(id);
  expect(incident.publishedAt).not.toBeNull();
  expect(incident.updates[0]?.kind).toBe('initial');
});

it('takes “I have it” from whoever may not post, and says who has it', async () => {
  const { id } = await house.incident();
  const path = `/admin/incidents/${id}/next`;
  expect((await house.get(path, 'responder')).body).not.toContain('value="post"');
  expect((await house.post(path, { do: 'have' }, 'responder')).headers.location).toBe(`${path}?done=have`);
  const { seq } = await read(id);
  expect(await house.db.read((tx) => listHolds(tx, [seq]))).toMatchObject([
    { clock: 'public', name: 'Rui Costa' },
  ]);
  expect((await house.get(path)).body).toContain('Rui Costa has it');
  expect((await house.post(path, { do: 'have' }, 'viewer')).status).toBe(403);
  expect(
    (await house.post(path, { do: 'post', version: '2', notify: 'no', body: 'x' }, 'responder')).status,
  ).toBe(403);
});

it('takes the next word to colleagues where the call was about that, and shows it to nobody else', async () => {
  const { id } = await house.incident();
  const path = `/admin/incidents/${id}/next?inside`;
  const { body } = await house.get(path, 'responder');
  expect(body).toContain('What colleagues should know');
  expect(body).not.toMatch(/Mail \d+ (person|people)/);
  const version = /name="version" value="(\d+)"/.exec(body)?.[1] as string;
  const said = { do: 'post', version, notify: 'no', body: 'The card processor is down.' };
  expect((await house.post(path, { do: 'have' }, 'responder')).headers.location).toBe(`${path}&done=have`);
  expect((await house.get(path)).body).toContain('Rui Costa has it');
  expect((await house.get(`/admin/incidents/${id}/next`)).body).not.toContain('Rui Costa has it');
  expect((await house.post(path, said, 'responder')).headers.location).toBe(
    `/admin/incidents/${id}?done=internal`,
  );
  expect((await read(id)).updates[0]).toMatchObject({ audience: 'internal', body: said.body });
  expect((await house.get(path)).body).not.toContain('Rui Costa has it');
  expect((await house.get(`/incidents/${id}`)).body).not.toContain(said.body);
});

it('keeps what was typed when it cannot be posted', async () => {
  const { id } = await house.incident();
  const answer = await house.post(`/admin/incidents/${id}/next`, {
    do: 'post',
    version: '1',
    notify: 'no',
    body: 'Our own words.',
  });
  expect(answer.status).toBe(409);
  expect(bodyOf(answer.body)).toBe('Our own words.');
});
