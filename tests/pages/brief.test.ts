import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getIncident, postUpdate } from '#services/incidents.ts';
import { ask } from '../support/http.ts';
import { type House, openHouse } from './adminHouse.ts';

describe('the brief and its links', () => {
  let house: House;
  let path: string;
  beforeAll(async () => {
    house = await openHouse(0);
    const { id } = await house.incident();
    path = `/admin/incidents/${id}/brief`;
    const { version, status } = await getIncident(house.as('comms'), id);
    await postUpdate(house.as('comms'), {
      incidentId: id,
      version,
      audience: 'internal',
      status,
      body: 'The vendor is Contoso.',
      components: [],
      notify: false,
    });
  });
  afterAll(() => house?.close());

  const read = (address: string) => ask(house.server.url, new URL(address).pathname);
  /** Makes a link by the form. */
  async function make(fields: Record<string, string>): Promise<string> {
    const { status, body } = await house.post(path, fields);
    expect(status).toBe(200);
    return /http:\/\/\S+\/brief\/[\w-]{32}/.exec(body)?.[0] as string;
  }

  it('is a page for everyone inside, and its form for those who may post', async () => {
    const viewer = await house.get(path, 'viewer');
    expect(viewer.body).toContain('Contoso');
    expect(viewer.body).not.toContain('Make a link');
    expect((await house.post(path, { hours: '1', shows: 'public' }, 'responder')).status).toBe(403);
    const wrong = await house.post(path, { hours: '9999', shows: 'everything' });
    expect(wrong.status).toBe(422);
    expect(wrong.body).toContain('Choose how long the link works.');
  });

  it('a link shows what was chosen, to be kept and found by nobody, and its token is stored nowhere', async () => {
    const link = await make({ hours: '1', shows: 'public' });
    const { status, headers, body } = await read(link);
    expect([status, headers['cache-control'], headers['x-robots-tag']]).toEqual([
      200,
      'no-store',
      'noindex, nofollow, noarchive',
    ]);
    expect(body).toContain('Checkout may fail for some customers.');
    const shown = body.slice(body.indexOf('</head>'));
    expect(shown).not.toMatch(/Contoso|SEV1|\/admin/);
    const inside = await read(await make({ hours: '24', shows: 'inside' }));
    expect(inside.body).toContain('Contoso');
    const token = link.split('/').at(-1) as string;
    const rows = await house.db.read((tx) => tx.selectFrom('brief_links').selectAll().execute());
    expect(JSON.stringify(rows)).not.toContain(token);
    expect((await house.get(path)).body).not.toContain(token);
  });

  it('can be ended, and then says so', async () => {
    const link = await make({ hours: '168', shows: 'public' });
    const { body } = await house.get(path);
    const seq = /name="link" value="(\d+)"/.exec(body)?.[1] as string;
    expect((await house.post(path, { do: 'end', link: seq })).status).toBe(303);
    const ended = await read(link);
    expect(ended.status).toBe(410);
    expect(ended.body).toContain('shows nothing any more');
  });

  it('is asked for only so often', async () => {
    const link = await make({ hours: '1', shows: 'public' });
    const answers = [];
    for (let count = 0; count < 130; count++) answers.push((await read(link)).status);
    expect(answers.filter((status) => status === 429).length).toBeGreaterThan(0);
    const refused = await read(link);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.body).not.toContain('Checkout');
  });
});
