import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HUE } from '#components/public/look.ts';
import { readableAccent } from '#domain/accent.ts';
import { COMPONENT_STATUSES } from '#domain/status.ts';
import { cspHash } from '#server/security.ts';
import { setManualStatus } from '#services/components.ts';
import { type Answered, ask } from '../support/http.ts';
import { type House, openHouse } from './adminHouse.ts';

/** The public page as its owner wants it to look. */

let house: House;
beforeAll(async () => {
  house = await openHouse(0);
});
afterAll(() => house?.close());

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 20" onload="alert(1)"><script>alert(2)</script><path d="M0 0h60v20z" fill="#0a7d33"/></svg>';

/** Sends the form as a browser does. */
async function save(
  fields: Record<string, string>,
  files: Record<string, string | Uint8Array<ArrayBuffer>> = {},
): Promise<Answered> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  for (const name of ['light', 'dark']) form.set(name, new File([files[name] ?? ''], 'logo.html'));
  const request = new Request(house.server.url, { method: 'POST', body: form });
  return ask(house.server.url, '/admin/settings/brand', {
    method: 'POST',
    headers: {
      cookie: await house.cookie('owner'),
      'content-type': request.headers.get('content-type') as string,
      'sec-fetch-site': 'same-origin',
    },
    body: Buffer.from(await request.arrayBuffer()),
  });
}
const read = (path: string) => ask(house.server.url, path);

describe('the look of the public page', () => {
  it('has nothing of an owner who chose nothing', async () => {
    const { body } = await read('/');
    expect(body).not.toMatch(/--btn:#|<picture|\/logo\//);
  });

  it('shows the logo, the colour and the line at the foot on the next request', async () => {
    const answer = await save({ accent: '#FFD500', footer: 'Harbour Ltd, 1 Pier <Road>' }, { light: LOGO });
    expect([answer.status, answer.headers.location]).toEqual([303, '/admin/settings/brand?done=cleaned']);
    for (const path of ['/', '/history', '/subscribe', '/nothing-here']) {
      const { body, headers } = await read(path);
      const style = `:root{--acc:${readableAccent('#ffd500', 'light')};--btn:${readableAccent('#ffd500', 'light')}}`;
      expect(body.includes(style), path).toBe(true);
      const own = /<style>(:root\{--acc[^<]*)<\/style>/.exec(body)?.[1] ?? '';
      expect(headers['content-security-policy'], path).toContain(cspHash(own));
      expect(body.includes('Harbour Ltd, 1 Pier &lt;Road&gt;'), path).toBe(true);
      expect(body, path).toMatch(/<img src="\/logo\/[0-9a-f]{16}\.svg" alt width="84" height="28">/);
    }
  });

  it('serves what draws of the logo, as a picture that can do nothing', async () => {
    const path = /\/logo\/[0-9a-f]{16}\.svg/.exec((await read('/')).body)?.[0] as string;
    const { status, headers, body } = await read(path);
    expect([status, headers['content-type']]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain('sandbox');
    expect(body).toContain('fill="#0a7d33"');
    expect(body).not.toMatch(/script|onload|alert/);
    expect((await read(path.replace('.svg', '.png'))).status).toBe(404);
    // What is at such an address never changes; what is not there may be tomorrow.
    expect((await read(path)).headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const never = await read('/logo/0123456789abcdef.svg');
    expect([never.status, never.headers['cache-control']]).toEqual([
      404,
      expect.stringContaining('max-age=0'),
    ]);
  });

  it('takes a logo whose name is written in it, and takes it away again', async () => {
    await save({ wordmark: 'yes' }, { light: LOGO });
    expect((await read('/')).body).toMatch(/<img src="[^"]*" alt="[^"]+"[^>]*>\s*<\/picture>\s*<\/a>/);
    const before = /\/logo\/[^"]*/.exec((await read('/')).body)?.[0] as string;
    await save({ 'light-remove': 'yes' });
    expect((await read('/')).body).not.toMatch(/<picture|--btn:#/);
    expect((await read(before)).status).toBe(404);
  });

  it('says what is wrong with a file or a colour beside it, and changes nothing', async () => {
    await save({ accent: '#1f5fbf', footer: 'As it was' });
    for (const [fields, files, words] of [
      [{ accent: 'red; }' }, {}, 'Write the colour as # and six digits'],
      [
        { accent: '#111111' },
        { light: '<html>no logo</html>' },
        'A logo is an SVG or a PNG file, and this is neither.',
      ],
      [
        { accent: '#111111' },
        { dark: Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a) },
        'This PNG file is broken',
      ],
    ] as const) {
      const { status, body } = await save(fields, files);
      expect([status, body.includes(words)], words).toEqual([422, true]);
    }
    const { body } = await read('/');
    expect(body.includes('As it was') && body.includes('--acc:#1f5fbf')).toBe(true);
  });

  it('has a sign in the tab that says how things are, of each status a file that is there', async () => {
    const iconOf = async (path: string) =>
      /<link rel="icon" href="([^"]+)"/.exec((await read(path)).body)?.[1];
    expect(await iconOf('/')).toBe('/favicon.svg');
    const [id] = [...house.components.values()] as [string];
    for (const status of COMPONENT_STATUSES) {
      await setManualStatus(house.as('owner'), id, status);
      await expect
        .poll(() => iconOf('/'))
        .toContain(status === 'operational' ? 'favicon' : `-${HUE[status]}.`);
      const icon = (await iconOf(`/components/${id}`)) as string;
      expect(icon).toBe(await iconOf('/'));
      const { status: answered, headers } = await read(icon);
      expect([answered, headers['content-type']], icon).toEqual([
        200,
        expect.stringMatching(/^image\/svg\+xml/),
      ]);
    }
  });
});
