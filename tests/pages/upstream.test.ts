import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type House, openHouse } from './adminHouse.ts';

/** A part that somebody else runs stands on the page with their own status page beside it. */

let house: House;
let path: string;
beforeAll(async () => {
  house = await openHouse(0);
  path = `/components/${house.components.get('Bank transfers')}`;
});
afterAll(() => house?.close());

const THEIRS = { name: 'Bank transfers', showUptime: 'yes' };
const save = (fields: Record<string, string>) =>
  house.post(`/admin${path}`, { ...THEIRS, ...fields, do: 'save' });
const words = (html: string) => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

describe('a component that somebody else runs', () => {
  it('is shown with who that is and a link to what they say, on the page and on its own', async () => {
    const saved = await save({
      upstreamName: 'Northbank & Sons',
      upstreamUrl: 'https://status.northbank.example/?a=1&b=2',
    });
    expect(saved.status).toBe(303);
    for (const where of ['/', path]) {
      const { body } = await house.get(where);
      expect(body.includes('href="https://status.northbank.example/?a=1&amp;b=2"'), where).toBe(true);
      expect(words(body), where).toMatch(/by Northbank &amp; Sons/);
    }
    const form = (await house.get(`/admin${path}`)).body;
    expect(form).toContain('value="https://status.northbank.example/?a=1&amp;b=2"');
  });

  it('asks for both or neither, for an address on the web, and keeps what was typed', async () => {
    const refused = async (fields: Record<string, string>) => {
      const { status, body } = await save(fields);
      expect(status).toBe(422);
      for (const typed of Object.values(fields)) expect(body).toContain(`value="${typed}"`);
      return words(body);
    };
    expect(await refused({ upstreamName: 'Southbank' })).toContain(
      'Give the address of their own status page.',
    );
    expect(await refused({ upstreamUrl: 'https://south.example' })).toContain('Say whose page that is.');
    for (const upstreamUrl of ['javascript:alert(1)', 'south.example', 'mailto:a@south.example'])
      expect(await refused({ upstreamName: 'Southbank', upstreamUrl })).toContain('This is no web address.');
    expect((await house.get('/')).body).not.toMatch(/javascript:|Southbank/);
  });

  it('is one’s own again when both are taken out', async () => {
    expect((await save({})).status).toBe(303);
    expect((await house.get('/')).body).not.toContain('northbank');
  });
});
