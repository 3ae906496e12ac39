import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessOf } from '#auth/routes.ts';
import { routePatterns } from '../auth/fixtures.ts';
import {
  dump,
  FURNISHED_ENV,
  type Furnished,
  furnish,
  PASSWORD,
  pathOf,
  SECRET_DOMAIN,
  SECRET_KEY,
  signInAs,
} from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What mail scanners, prefetching browsers and crawlers do must change nothing (DESIGN, promise 6). */
describe('reading', () => {
  let folder: string;
  let house: Furnished;
  let server: TestServer;
  let cookie: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-reading-'));
    house = await furnish(folder);
    server = await startServer({ dataDir: folder, env: FURNISHED_ENV });
    cookie = await signInAs(server.url, house.users.owner.email);
  });
  afterAll(async () => {
    await server?.stop();
    await house?.foghorn.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** As a link in a mail would be opened, and as a page that was done with says so. */
  const QUERIES = [
    '',
    '?done=posted',
    '?do=post&body=x&status=resolved&version=1&sure=yes',
    '?before=1&after=1&show=failed',
    '?before=1e999&after=-Infinity&next=//evil.example&subject=__proto__&state=constructor',
  ];

  it('changes not one row, whatever is read and however', async () => {
    const patterns = routePatterns();
    const paths = patterns.map((pattern) => pathOf(pattern, house.ids));
    const { join: joining, oldManage, listUnsubscribe, listLeave } = house.links;
    paths.push('/admin/setup?token=guess', joining, '/subscribe?asked', '/healthz', '/metrics');
    paths.push(oldManage, listUnsubscribe, listLeave);
    const before = await dump(house.foghorn);
    for (const table of ['users', 'audit', 'drafts', 'deliveries', 'recipients', 'page', 'invitations'])
      expect(before[table]?.length, table).toBeGreaterThan(0);
    for (const path of paths)
      for (const method of ['GET', 'HEAD', 'OPTIONS'])
        for (const query of path.includes('?') ? [''] : QUERIES) {
          const answer = await ask(server.url, path + query, { method, headers: { cookie } });
          // The page for faults is a page too.
          if (path !== '/500') expect(answer.status, `${method} ${path}${query}`).not.toBe(500);
        }
    expect(await dump(house.foghorn)).toEqual(before);
  });

  it('reaches what it should have read: every page answers its owner', async () => {
    for (const pattern of routePatterns()) {
      const path = pathOf(pattern, house.ids);
      const { status } = await ask(server.url, path, { headers: { cookie } });
      const expected =
        {
          '/404': 404,
          '/500': 500,
          '/api/v2/[...path]': 404,
          '/api/hooks/resend': 405,
          '/admin/logout': 405,
          '/admin/login': 303,
          '/enter': 303,
        }[pattern] ?? (pattern === '/admin/setup' || pattern === '/admin/join' ? 410 : 200);
      // A fault page has no address of its own.
      expect(pattern === '/500' ? [404, 500] : [expected], `${path} answered ${status}`).toContain(status);
    }
  });

  it('opens nothing private to a stranger who reads everything', async () => {
    for (const pattern of routePatterns().filter((one) => accessOf(one) !== 'session')) {
      // The links in mails show whose they are, masked.
      const { body } = await ask(server.url, pathOf(pattern, house.ids));
      expect(body, pattern).not.toMatch(/(anna|waiting|chief|gone|team)@/);
      expect(body, pattern).not.toContain('Payments time out');
      expect(body, pattern).not.toContain('The card processor is down');
      expect(body, pattern).not.toContain('We found it.');
    }
    for (const link of Object.values(house.links))
      expect((await ask(server.url, link)).body, link).not.toMatch(/(anna|waiting|chief|gone|team)@/);
  });

  it('leaves no address, link, cookie or password in the log', () => {
    const log = server.logs.join('\n');
    expect(log).toContain('/admin/subscribers/');
    const tokens = Object.values(house.links).map((path) => path.split(/[/=]/).at(-1) as string);
    for (const secret of [
      SECRET_DOMAIN,
      SECRET_KEY,
      'staff.example',
      PASSWORD,
      cookie.split('=')[1] as string,
      ...tokens,
    ])
      expect(log).not.toContain(secret);
  });
});
