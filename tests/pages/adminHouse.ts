import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUser } from '#auth/accounts.ts';
import type { Ctx } from '#db/context.ts';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import type { Role } from '#domain/permissions.ts';
import { addMs } from '#domain/time.ts';
import { ensureAudiences } from '#services/audiences.ts';
import { declareIncident, postUpdate } from '#services/incidents.ts';
import { ensureDefaultTemplates } from '#services/templates.ts';
import { PASSWORD } from '../auth/fixtures.ts';
import { testContext } from '../support/context.ts';
import { makeHarbour } from '../support/harbour.ts';
import { type Answered, ask } from '../support/http.ts';
import { makeSubscribers } from '../support/people.ts';
import { startServer, type TestServer } from '../support/server.ts';

const PEOPLE: readonly [Role, string][] = [
  ['owner', 'Mia Berg'],
  ['comms', 'Noor Aziz'],
  ['responder', 'Rui Costa'],
  ['viewer', 'Vera Lind'],
];

/** A real server over a shop with history, four people who can sign in, and subscribers; made once a test file. */
export type House = {
  server: TestServer;
  db: Db;
  components: Map<string, string>;
  /** Acts as this person in the test's own process, over the same database. */
  as: (role: Role) => Ctx;
  cookie: (role: Role) => Promise<string>;
  get: (path: string, role?: Role) => Promise<Answered>;
  post: (path: string, fields: Record<string, string>, role?: Role) => Promise<Answered>;
  /** Declared by the responder a quarter of an hour ago; published by the comms lead unless told otherwise. */
  incident: (options?: { title?: string; published?: boolean }) => Promise<{ id: string }>;
  close: () => Promise<void>;
};

export async function openHouse(subscribers = 12, env: Record<string, string> = {}): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-admin-'));
  const db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  const now = () => new Date().toISOString();
  await migrate(db, now());
  const { components } = await makeHarbour(db, { now: now(), open: 0, maintenance: false });
  const ids = new Map<Role, string>();
  const newId = () => Math.random().toString(36).slice(2, 14).padEnd(12, '0');
  const base = { ...testContext(db), now, newId };
  const system: Ctx = { ...base, actor: { kind: 'system', name: 'test' } };
  for (const [role, name] of PEOPLE) {
    const email = `${role}@example.com`;
    ids.set(role, (await createUser(system, { email, name, role, password: PASSWORD })).id);
  }
  await ensureDefaultTemplates(system);
  await ensureAudiences(system);
  await makeSubscribers(db, subscribers);
  const server = await startServer({ dataDir: folder, env });

  const as = (role: Role): Ctx => ({
    ...base,
    actor: {
      kind: 'user',
      role,
      id: ids.get(role) as string,
      name: PEOPLE.find(([own]) => own === role)?.[1] as string,
      email: `${role}@example.com`,
    },
  });
  const cookies = new Map<Role, Promise<string>>();
  const cookie = (role: Role) => {
    if (!cookies.has(role)) cookies.set(role, signIn(server, role));
    return cookies.get(role) as Promise<string>;
  };
  const get: House['get'] = async (path, role = 'comms') =>
    ask(server.url, path, { headers: { cookie: await cookie(role), accept: 'text/html' } });
  const post: House['post'] = async (path, fields, role = 'comms') =>
    ask(server.url, path, {
      method: 'POST',
      headers: {
        cookie: await cookie(role),
        origin: server.url,
        accept: 'text/html',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(fields).toString(),
    });
  const incident: House['incident'] = async ({
    title = 'Checkout fails for some',
    published = true,
  } = {}) => {
    const at = addMs(now(), -15 * 60_000);
    const touched = [{ id: components.get('Checkout') as string, status: 'major_outage' as const }];
    const { id } = await declareIncident(
      { ...as('responder'), now: () => at },
      { title, severity: 'SEV1', components: touched },
    );
    if (published)
      await postUpdate(
        { ...as('comms'), now: () => addMs(at, 60_000) },
        {
          incidentId: id,
          version: 1,
          audience: 'public',
          status: 'investigating',
          body: 'Checkout may fail for some customers.',
          affected: 'some customers',
          components: touched,
          notify: false,
        },
      );
    return { id };
  };
  return {
    server,
    db,
    components,
    as,
    cookie,
    get,
    post,
    incident,
    close: async () => {
      await server.stop();
      await db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function signIn(server: TestServer, role: Role): Promise<string> {
  const answer = await ask(server.url, '/admin/login', {
    method: 'POST',
    headers: { origin: server.url, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email: `${role}@example.com`, password: PASSWORD }).toString(),
  });
  if (answer.status !== 303) throw new Error(`Could not sign in as ${role}: ${answer.status} ${answer.body}`);
  return [answer.headers['set-cookie'] ?? []]
    .flat()
    .map((one) => one.split(';')[0])
    .join('; ');
}
