import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addMs, DAY, HOUR } from '#domain/time.ts';
import { importStatuspage } from '#services/statuspageImport.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { FURNISHED_ENV, type Furnished, furnish, pathOf, signInAs } from '../support/furnished.ts';
import { type Answered, ask } from '../support/http.ts';
import { FORBIDDEN, NASTY } from '../support/nasty.ts';
import { startServer, type TestServer } from '../support/server.ts';

/**
 * Everything that a person may type, typed with ill will into the real server, and everything that shows it, read in a real browser:
 * nothing of it may be more than text, there or in the mails.
 */
describe('hostile text', () => {
  let folder: string;
  let house: Furnished;
  let server: TestServer;
  let cookie: string;
  let browser: Browser | null = null;
  const incidents: { id: string; text: string }[] = [];
  /** A message that is stopped and about to be mended. */
  let mending: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-hostile-'));
    house = await furnish(folder);
    server = await startServer({ dataDir: folder, env: { ...FURNISHED_ENV, FOGHORN_ROLE: 'all' } });
    cookie = await signInAs(server.url, house.users.owner.email);
    await typeEverywhere();
    await importHostile();
    if (CHROMIUM) browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await house?.foghorn.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  function send(path: string, fields: Record<string, string>): Promise<Answered> {
    return ask(server.url, path, {
      method: 'POST',
      headers: { cookie, origin: server.url, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    });
  }

  async function taken(path: string, fields: Record<string, string>): Promise<string> {
    const { status, headers, body } = await send(path, fields);
    expect(status, `${path} ${JSON.stringify(fields)}: ${/<main[\s\S]*/.exec(body)?.[0].slice(0, 600)}`).toBe(
      303,
    );
    return new URL(headers.location as string, server.url).pathname;
  }

  async function typeEverywhere() {
    const start = new Date().toISOString();
    const local = (ms: number) => addMs(start, ms).slice(0, 16);
    await taken('/admin/settings', {
      name: '"><img src=x onerror=ran()> {{title}} </title>',
      timeZone: 'UTC',
      supportUrl: 'https://evil.example/"><script>ran()</script>\'onclick=ran()',
      uptimeWeight: '0.3',
      showKept: 'yes',
    });
    const waiting = [...NASTY.entries()];
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await typeEach(...next, local);
    };
    await Promise.all([work(), work(), work()]);
    await stopAndMend();
    const list = ['email,components,locale', ...NASTY.map((text) => `"${text.replaceAll('"', '""')}",x,en`)];
    expect((await send('/admin/subscribers/import', { csv: list.join('\n') })).status).toBe(200);
  }

  async function typeEach(index: number, text: string, local: (ms: number) => string) {
    await taken('/admin/components/new', { name: text, description: text, showUptime: 'yes' });
    const path = await taken('/admin/incidents/new', {
      do: 'declare',
      title: text,
      severity: 'SEV1',
      scope: text,
      summary: text,
    });
    const id = path.split('/').at(-1) as string;
    incidents.push({ id, text });
    await taken(path, {
      do: 'post',
      version: '1',
      audience: 'public',
      status: 'investigating',
      severity: 'SEV1',
      // Every text meets others in some body, at the start of a line and within one.
      body: `${text}\n\n> ${text}\n\n- **${text}**\n\n${NASTY[(index * 7) % NASTY.length]} ${text}`,
      scope: text,
      affected: text,
      workaround: text,
      estimate: text,
    });
    await ask(server.url, '/admin/api/drafts', {
      method: 'POST',
      headers: { cookie, origin: server.url, 'content-type': 'application/json' },
      body: JSON.stringify({
        subject: id,
        fields: { audience: 'public', status: text, body: text, scope: text, [text]: text },
      }),
    });
    // These are shown by lists that treat all alike.
    if (index % 3 === 0) {
      await taken('/admin/components', { name: text });
      await taken(path, { do: 'note', note: text });
      await taken('/admin/templates/new', { kind: 'progress', name: text, body: text });
      await taken('/admin/audiences/executives', {
        do: 'add',
        address: `m${index}@private.example`,
        person: text,
      });
      await taken('/admin/subscribers', { address: `s${index}@private.example`, consent: text });
    }
    if (index % 8 === 0)
      await taken('/admin/maintenance/new', {
        title: text,
        body: text,
        scope: text,
        scheduledFor: local(HOUR),
        scheduledUntil: local(2 * HOUR),
      });
  }

  /** Of what is stopped, both mails of a mend can be seen: every text stands in the one, some in what was wrong. */
  async function stopAndMend() {
    const title = NASTY[1] as string;
    const path = await taken('/admin/incidents/new', { do: 'declare', title, severity: 'SEV1' });
    await taken(path, {
      do: 'post',
      version: '1',
      audience: 'public',
      status: 'investigating',
      severity: 'SEV1',
      body: title,
    });
    const { body } = await ask(server.url, path, { headers: { cookie } });
    const notice = /name="notice" value="(\w+)"/.exec(body)?.[1] as string;
    await taken(path, { do: 'stopMail', notice });
    const fields = { scope: title, affected: title, workaround: title, estimate: title };
    await taken(`/admin/deliveries/${notice}/mend`, {
      ...fields,
      do: 'preview',
      body: NASTY.join('\n\n').slice(0, 5000),
      wrong: NASTY.slice(0, 5).join(' ').slice(0, 280),
    });
    mending = notice;
  }

  /** Another page's history, written by someone who knows where it will go. */
  async function importHostile() {
    const at = addMs(new Date().toISOString(), -3 * DAY);
    const component = (text: string, index: number) => ({
      id: INHERITED[index] ?? (index % 2 ? `cmp${index}` : text),
      name: text,
      description: text,
      status: index % 3 ? 'operational' : text,
      group: false,
      created_at: at,
    });
    const incident = (text: string, index: number) => ({
      id: INHERITED[index] ?? (index % 2 ? `imp${index}` : text),
      name: text,
      status: index % 5 ? 'resolved' : 'investigating',
      impact: 'critical',
      created_at: at,
      started_at: at,
      resolved_at: index % 5 ? addMs(at, HOUR) : null,
      shortlink: index % 2 ? 'javascript:ran()' : text,
      incident_updates: [
        {
          id: text,
          status: index % 5 ? 'resolved' : 'investigating',
          body: `${text}<br>${text}`,
          created_at: at,
          display_at: at,
        },
      ],
      components: [component(text, index)],
    });
    await importStatuspage(house.foghorn.contextFor({ kind: 'system', name: 'test' }), {
      page: { name: '<script>ran()</script>', url: 'javascript:ran()', time_zone: '__proto__' },
      components: NASTY.map(component),
      incidents: NASTY.map(incident),
    });
    // The server looks for what other processes did twice a second or so.
    for (;;) {
      const { body } = await ask(server.url, '/api/v2/incidents/unresolved.json');
      if (JSON.parse(body).incidents.some(({ id }: { id: string }) => id === INHERITED[0])) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('is refused where it would end a header, hide or turn what follows', async () => {
    for (const [what, text] of Object.entries(FORBIDDEN)) {
      const { id } = incidents[0] as { id: string };
      for (const [path, fields] of [
        ['/admin/incidents/new', { do: 'declare', title: text, severity: 'SEV1' }],
        ['/admin/components', { name: text }],
        ['/admin/templates/new', { kind: 'progress', name: 'x', body: text }],
        ['/admin/settings', { name: text, timeZone: 'UTC', uptimeWeight: '0.3' }],
        ['/admin/audiences/executives', { do: 'add', address: 'z@private.example', person: text }],
        ['/admin/subscribers', { address: 'z@private.example', consent: text }],
        ['/admin/users', { do: 'invite', name: text, email: 'z@staff.example', role: 'viewer' }],
        [`/admin/incidents/${id}`, { do: 'note', note: text }],
        [`/admin/incidents/${id}`, { do: 'title', version: '2', title: text }],
        [
          `/admin/incidents/${id}`,
          {
            do: 'post',
            version: '2',
            audience: 'public',
            status: 'identified',
            severity: 'SEV1',
            body: text,
          },
        ],
      ] as const)
        expect((await send(path, fields as Record<string, string>)).status, `${what} at ${path}`).toBe(422);
    }
    for (const text of ['two\r\nlines', 'two\nlines', 'a\tb'])
      expect(
        (await send('/admin/incidents/new', { do: 'declare', title: text, severity: 'SEV1' })).status,
      ).toBe(422);
  });

  it('comes out of the JSON API as it was typed', async () => {
    const shown: { name: string; shortlink: string }[] = [];
    for (const pattern of routePatterns().filter((one) => /^\/api\/v2\/.*json$/.test(one))) {
      const { body, headers } = await ask(server.url, pattern);
      expect(headers['content-type']).toMatch(/^application\/json/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      shown.push(...(JSON.parse(body).incidents ?? []));
    }
    const names = new Set(shown.map(({ name }) => name));
    for (const { text } of incidents.slice(-40)) expect(names).toContain(text);
    for (const { shortlink } of shown) expect(shortlink).toMatch(/^https?:\/\/[^\s<>"]+$/);
  });

  it('stays text in every mail, and writes none of its headers', async () => {
    await mailed(incidents.length);
    const files = readdirSync(join(folder, 'mail'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.eml'),
    );
    expect(files.length).toBeGreaterThan(incidents.length);
    const known =
      /^(From|To|Subject|Message-ID|Date|MIME-Version|Content-Type|Auto-Submitted|Reply-To|List-(ID|Unsubscribe|Unsubscribe-Post)|References|In-Reply-To|X-Entity-Ref-ID|Feedback-ID|X-[A-Za-z-]+|Precedence|Importance)$/i;
    for (const file of files) {
      const raw = readFileSync(join(folder, 'mail', file), 'latin1');
      const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
      const names = head.split('\r\n').map((line) => line.split(':')[0] as string);
      for (const name of names) expect(name, `${file}: ${name}`).toMatch(known);
      expect(new Set(names).size).toBe(names.length);
      const to = /^To: (.*)$/m.exec(head)?.[1] as string;
      expect(to).toMatch(/^<?[\w.]+@(private|staff)\.example>?$/);
    }
  });

  /** Waits until each of the incidents has been told to someone. */
  async function mailed(howMany: number) {
    for (;;) {
      const { count } = await house.foghorn.db.read((tx) =>
        tx
          .selectFrom('deliveries as d')
          .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
          .select((eb) => eb.fn.count<number>('n.incident_seq').distinct().as('count'))
          .where('d.state', '=', 'accepted')
          .where('n.kind', '=', 'update')
          .executeTakeFirstOrThrow(),
      );
      if (Number(count) >= howMany) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it('leaves nothing of itself in the log', () => {
    const log = server.logs.join('\n');
    expect(log).toContain('"msg":"request"');
    for (const secret of [
      'private.example',
      'staff.example',
      'ran()',
      'evil.example',
      cookie.split(/[=;]/)[1],
    ])
      expect(log).not.toContain(secret);
    expect(server.logs.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
  });

  describe.skipIf(!CHROMIUM)('in the browser', () => {
    /** What was found that is more than text, over all the paths, on several pages at once. */
    async function readAll(context: BrowserContext, paths: readonly string[]): Promise<string[]> {
      const found: string[] = [];
      const [name, value] = (cookie.split('; ')[0] as string).split('=') as [string, string];
      await context.addCookies([{ name, value, url: server.url }]);
      await context.addInitScript(() => {
        (window as unknown as { ran: () => void }).ran = () => console.error('It ran.');
      });
      const waiting = [...paths];
      const work = async () => {
        const page = await context.newPage();
        watch(page, found);
        for (let path = waiting.shift(); path; path = waiting.shift()) {
          const answer = await page.goto(server.url + path, { waitUntil: 'load' });
          if (!answer || answer.status() >= 500) found.push(`${path} answered ${answer?.status()}`);
          for (const frame of page.frames())
            for (const intruder of await frame.evaluate(intruders)) found.push(`${path}: ${intruder}`);
        }
        await page.close();
      };
      await Promise.all([work(), work(), work()]);
      return found;
    }

    function watch(page: Page, found: string[]) {
      page.on('dialog', (dialog) => {
        found.push(`dialog on ${page.url()}: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('pageerror', (error) => found.push(`error on ${page.url()}: ${error.message}`));
      page.on('console', (message) => {
        // A mail by itself names no icon, and the browser asks for one.
        const isIcon = message.location().url.endsWith('/favicon.ico');
        if (message.type() === 'error' && !isIcon) found.push(`console on ${page.url()}: ${message.text()}`);
      });
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== server.url) found.push(`${page.url()} asked ${request.url()}`);
      });
    }

    /** Every route that answers a GET, with what is there; the incidents one by one. */
    async function everyPath(): Promise<string[]> {
      const routes = routePatterns()
        .filter(
          (pattern) =>
            !/^\/(404|500|admin\/(login|logout|setup|join))$|json|csv|\.(ics|atom|rss|xml|txt)$|\/api\//.test(
              pattern,
            ),
        )
        .map((pattern) =>
          pathOf(
            pattern,
            pattern.includes('/mend') ? { ...house.ids, '/admin/deliveries/[]': mending } : house.ids,
          ),
        );
      const { components, imported, mails } = await house.foghorn.db.read(async (tx) => ({
        components: await tx.selectFrom('components').select('id').where('archived_at', 'is', null).execute(),
        imported: await tx.selectFrom('incidents').select('id').where('source', '!=', 'own').execute(),
        mails: await tx
          .selectFrom('deliveries as d')
          .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
          .select((eb) => eb.fn.min('d.seq').as('seq'))
          .where('n.incident_seq', 'is not', null)
          .groupBy('n.seq')
          .execute(),
      }));
      expect(imported.length).toBeGreaterThan(NASTY.length / 2);
      return [
        ...routes,
        ...incidents.map(({ id }) => `/incidents/${id}`),
        // The heaviest screen: every text stands in the bodies of several.
        ...incidents.filter((_, index) => index % 8 === 0).map(({ id }) => `/admin/incidents/${id}`),
        ...components.slice(0, 15).map(({ id }) => `/components/${encodeURIComponent(id)}`),
        ...INHERITED.flatMap((id) => [`/components/${id}`, `/incidents/${id}`, `/admin/incidents/${id}`]),
        ...INHERITED.map((id) => `/admin/components/${id}`),
        ...imported.slice(0, 25).map(({ id }) => `/incidents/${encodeURIComponent(id)}`),
        ...mails.filter((_, index) => index % 3 === 0).map(({ seq }) => `/admin/deliveries/mail/${seq}/html`),
      ];
    }

    it('is text on every page, though nothing but the escaping stood in its way', async () => {
      const context = await (browser as Browser).newContext({ bypassCSP: true });
      const found = await readAll(context, await everyPath());
      expect(found).toEqual([]);
      await context.close();
    });

    it('meets a policy that no page of ours offends', async () => {
      const context = await (browser as Browser).newContext();
      const paths = await everyPath();
      // The same templates over and over: each of them a few times is enough here.
      const found = await readAll(context, [
        ...paths.slice(0, 60),
        ...paths.filter((_, index) => index % 9 === 0),
      ]);
      expect(found).toEqual([]);
      await context.close();
    });

    it('reads as it was typed', async () => {
      const page = await (browser as Browser).newPage();
      for (const { id, text } of incidents.filter((_, index) => index % 4 === 0)) {
        await page.goto(`${server.url}/incidents/${id}`);
        const heading = await page.locator('h1').first().textContent();
        expect(heading?.replace(/\s+/g, ' ')).toContain(text.replace(/\s+/g, ' '));
      }
      await page.close();
    });
  });
});

/** Ids that every JavaScript object seems to have. */
const INHERITED = ['constructor', 'valueOf', 'hasOwnProperty'];

/** Runs in the page: what stands in it that no page of ours and no Markdown makes. */
function intruders(): string[] {
  const found: string[] = [];
  const never =
    /^(img|object|embed|base|applet|video|audio|source|math|marquee|frame|frameset|foreignobject|animate|set|template|noscript|plaintext|xmp)$/i;
  for (const element of document.querySelectorAll('*')) {
    const name = element.localName;
    const isOurs =
      name === 'img' &&
      /^\/(badge(\/[\w-]+)?\.svg|logo\/[0-9a-f]{16}\.(svg|png))$/.test(element.getAttribute('src') ?? '');
    if (never.test(name) && !isOurs) found.push(`<${name}>`);
    if (
      name === 'iframe' &&
      !/^(\/admin\/.*|\/embed\/frame(\/[\w-]+)?)?$/.test(element.getAttribute('src') ?? '')
    )
      found.push(element.outerHTML);
    if (name === 'meta' && /refresh/i.test(element.getAttribute('http-equiv') ?? ''))
      found.push('<meta refresh>');
    if ((name === 'script' || name === 'style') && /ran\(\)|evil\.example/.test(element.textContent ?? ''))
      found.push(element.outerHTML.slice(0, 200));
    for (const { name: key, value } of element.attributes) {
      if (/^on/i.test(key) || key === 'srcdoc' || key === 'autofocus')
        found.push(`${name} ${key}="${value}"`);
      if (key === 'style' && /url\(|expression|@import/i.test(value)) found.push(`${name} style="${value}"`);
      if (!/^(href|src|action|formaction|xlink:href|data|poster|srcset|ping)$/i.test(key)) continue;
      const { protocol, host } = new URL(value, document.baseURI);
      if (!/^(https?|mailto|about):$/.test(protocol)) found.push(`${name} ${key}="${value}"`);
      if (name !== 'a' && host !== location.host) found.push(`${name} ${key}="${value}"`);
    }
  }
  return found;
}
