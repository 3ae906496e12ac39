import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OPEN_ROUTES } from '#auth/routes.ts';
import { getPageVersion } from '#db/page.ts';
import { saveDraft } from '#services/drafts.ts';
import { startDrill } from '#services/drills.ts';
import { addLogEntry, declareIncident, getIncident, postUpdate } from '#services/incidents.ts';
import { declareRestricted } from '#services/restricted.ts';
import { saveRunbook } from '#services/runbooks.ts';
import { isShared } from '../../src/server/cache/paths.ts';
import {
  askTwice,
  ENCODINGS,
  exportedVersion,
  faultsOf,
  filesBelow,
  listingOf,
  NEEDS_SERVER,
} from '../support/exported.ts';
import {
  FURNISHED_ENV,
  type Furnished,
  furnish,
  pathOf,
  SECRET_DOMAIN,
  SECRET_KEY,
} from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

let folder: string;
let house: Furnished;
let server: TestServer;
let tree: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-export-'));
  house = await furnish(join(folder, 'data'));
  await sayInside(house);
  server = await startServer({
    dataDir: join(folder, 'data'),
    env: { ...FURNISHED_ENV, EXPORT_DIR: join(folder, 'export') },
  });
  tree = await exportedVersion(join(folder, 'export'), await house.foghorn.db.read(getPageVersion));
});
afterAll(async () => {
  await server?.stop();
  await house?.foghorn.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Everything that is written and not published, each with a word that stands nowhere else. */
async function sayInside({ foghorn, ids, users }: Furnished): Promise<void> {
  const comms = { kind: 'user', name: 'Person comms', role: 'comms', ...users.comms } as const;
  const ctx = foghorn.contextFor(comms);
  const incidentId = ids['/admin/incidents/[]'] as string;
  const field = { severity: 'SEV2', components: [], scope: 'Zqscope', summary: 'Zqsummary' } as const;
  await declareIncident(ctx, { ...field, title: 'Zqdeclared' });
  await declareRestricted(ctx, { ...field, title: 'Zqrestricted', viewers: [] });
  await startDrill(ctx, {
    title: 'Zqdrill',
    severity: 'SEV2',
    components: [],
    participants: [users.comms.id],
    roles: {},
  });
  await saveDraft(ctx, { subject: incidentId, fields: { body: 'Zqdraft' } });
  await addLogEntry(ctx, { incidentId, body: 'Zqlog' });
  const { version, status } = await getIncident(ctx, incidentId);
  await postUpdate(ctx, {
    incidentId,
    version,
    status,
    audience: 'internal',
    body: 'Zqinternal',
    components: [],
    notify: false,
  });
  await saveRunbook(ctx, null, {
    title: 'Zqrunbook',
    severities: ['SEV1'],
    componentId: null,
    ownerId: null,
    steps: [{ text: 'Zqstep', link: null }],
  });
}

it('is, byte for byte and in each encoding, what the live site answers', async () => {
  expect(faultsOf(tree)).toEqual([]);
  const { answers } = listingOf(tree);
  expect(answers.length).toBeGreaterThan(40);
  for (const { path, file, type, cacheControl } of answers) {
    const there =
      path === '/api/404' ? '/api/v2/nothing.json' : path.replace(/^(\/de|\/ar|)\/404$/, '$1/nothing/here');
    // What the server says when it cannot, which it can.
    if (path.endsWith('/503')) continue;
    for (const [ending, encoding] of Object.entries(ENCODINGS)) {
      const live = await askTwice(server, there, encoding);
      const written = existsSync(join(tree, file + ending)) ? file + ending : file;
      expect([path, live.headers['content-encoding'] ?? 'identity']).toEqual([
        path,
        written === file ? 'identity' : encoding,
      ]);
      // Nobody asks twice for what is not there, so the live one stays as it was first compressed.
      const kept = live.status === 200 ? readFileSync(join(tree, written)) : readFileSync(join(tree, file));
      const sent = live.status === 200 ? live.bytes : Buffer.from(live.body);
      expect([written, sent.equals(kept)]).toEqual([written, true]);
      expect([path, live.headers['content-type'], live.headers['cache-control']]).toEqual([
        path,
        type,
        cacheControl,
      ]);
    }
  }
});

it('holds every route that is the same for everyone; every other one is known to need the server', () => {
  const { answers } = listingOf(tree);
  const there = new Set(answers.map(({ path }) => path));
  const samples = Object.entries(OPEN_ROUTES).filter(
    ([pattern]) => !/^\/(404|500)$|\[\.\.\.\]/.test(pattern),
  );
  const missing = samples
    .map(([pattern]) => sample(pattern))
    .filter((path) => !there.has(path) && !NEEDS_SERVER.test(path));
  expect(missing).toEqual([]);
  const both = answers.filter(({ path }) => NEEDS_SERVER.test(path));
  expect(both.map(({ path }) => path)).toEqual([]);
  for (const path of samples.map(([pattern]) => sample(pattern)).filter(isShared))
    expect([...there]).toContain(path);
  for (const path of ['/favicon.svg', '/share.png', '/robots.txt', '/embed/status.js', '/marks.js'])
    expect([...there]).toContain(path);
  // A group has its own badge and embeds, in every language.
  const group = house.ids['/admin/components/groups/[]'];
  const own = [`/badge/${group}.svg`, `/embed/${group}.json`, `/embed/frame/${group}`];
  for (const path of [...own, '/badge.svg', '/embed/status.json', '/embed/frame'])
    expect([...there]).toEqual(expect.arrayContaining([path, `/de${path}`, `/ar${path}`]));
});

function sample(pattern: string): string {
  if (/^\/(api\/v1|api\/hooks|admin)/.test(pattern)) return pattern;
  return pathOf(pattern, house.ids);
}

it('leads nowhere that is not there: every link in it is a file of it, or needs the server', async () => {
  const { answers } = listingOf(tree);
  const there = new Set(answers.map(({ path }) => path));
  const dead: string[] = [];
  let links = 0;
  for (const { file } of answers.filter(({ type }) => /html|xml/.test(type))) {
    const text = readFileSync(join(tree, file), 'utf8');
    for (const [, target = ''] of text.matchAll(/(?:href|src|action|data-\w+)="([^"]*)"|<loc>([^<]*)/g)) {
      const path = target.startsWith(`${server.url}/`) ? target.slice(server.url.length) : target;
      if (!/^\/(?!\/)/.test(path)) continue;
      links += 1;
      const [plain = ''] = path.split(/[?#]/);
      if (!there.has(plain) && !NEEDS_SERVER.test(plain)) dead.push(`${file} -> ${path}`);
    }
  }
  expect(links).toBeGreaterThan(100);
  expect(dead).toEqual([]);
});

it('says nothing that is not for everyone: no draft, drill, restricted or undeclared incident, nobody’s address', async () => {
  const words = [
    'zq(declared|scope|summary|restricted|drill|draft|log|internal|runbook|step)',
    SECRET_DOMAIN.replace('.', '\\.'),
    SECRET_KEY,
    'Sign-in is down and nobody knows',
    'A key (lay open|was public)',
    'staff\\.example',
    'card processor',
    '/admin',
  ];
  const said = new RegExp(words.join('|'), 'i');
  const found: string[] = [];
  // What is compressed holds the same, and by chance anything.
  for (const file of filesBelow(tree).filter((name) => !/\.(br|gz|png)$/.test(name))) {
    const text = readFileSync(join(tree, file), 'utf8');
    // Crawlers are told to stay away from it.
    const match = said.exec(file === 'robots.txt' ? text.replaceAll('/admin', '') : `${file}\n${text}`);
    if (match) found.push(`${file}: ${match[0]}`);
  }
  expect(found).toEqual([]);
  expect(readFileSync(join(tree, 'index.html'), 'utf8')).toContain('Checkout is failing');
});

it('is for another user’s server to read', () => {
  for (const file of ['index.html', 'index.html.gz', '.foghorn-export/nginx-maps.conf'])
    expect([file, statSync(join(tree, file)).mode & 0o777]).toEqual([file, 0o644]);
  expect(statSync(tree).mode & 0o777).toBe(0o755);
});

it('leaves the live site as it was', async () => {
  expect((await ask(server.url, '/')).status).toBe(200);
  expect(server.logs.filter((line) => /"level":(40|50|60)/.test(line))).toEqual([]);
});
