import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { createUser } from '#auth/accounts.ts';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { ensureAudiences } from '#services/audiences.ts';
import { ensureDefaultTemplates } from '#services/templates.ts';
import { testContext } from '../support/context.ts';
import { LONG_AGO } from '../support/factory.ts';
import { makeHarbour } from '../support/harbour.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';
import type { Sink } from './sink.ts';

export const PEOPLE = Number(process.env.BENCH_PEOPLE ?? 1_000_000);

/** The real built server over a shop with a million subscribers, and a comms lead who is signed in. */
export type Installation = {
  server: TestServer;
  /** The same database, from this process. */
  db: Db;
  /** A component's id. */
  checkout: string;
  /** Sends a form of the admin. */
  post: (path: string, fields: Record<string, string>) => ReturnType<typeof ask>;
  /** Asks the probe in the server's process. */
  probe: <T>(path: string) => Promise<T>;
  /** The most memory, in bytes, that the server and its worker have held at one time; what both map counts once. */
  peakMemory: () => number;
  close: () => Promise<void>;
};

export type Template = { open: (sink: Sink) => Promise<Installation>; remove: () => void };

/** Makes the database once; each `open` works on a copy. */
export async function makeMillion(): Promise<Template> {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-million-'));
  const file = join(folder, 'foghorn.db');
  const db = await openDatabase(`sqlite:${file}`);
  const now = new Date().toISOString();
  await migrate(db, now);
  const { components } = await makeHarbour(db, { now, open: 0, maintenance: false });
  const ctx = { ...testContext(db), now: () => now, newId: () => Math.random().toString(36).slice(2, 14) };
  const system = { ...ctx, actor: { kind: 'system', name: 'bench' } as const };
  await createUser(system, { email: EMAIL, name: 'Noor Aziz', role: 'comms', password: PASSWORD });
  await ensureDefaultTemplates(system);
  await ensureAudiences(system);
  await db.write((tx) => insertPeople(PEOPLE).execute(tx));
  await db.close();
  const checkout = components.get('Checkout') as string;
  return {
    open: (sink) => openCopy(file, checkout, sink),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const EMAIL = 'comms@example.com';
const PASSWORD = 'river-lantern-42-moss';

/** As makeSubscribers makes them, in one statement. */
function insertPeople(count: number) {
  return sql`
    with recursive number (n) as (select 1 union all select n + 1 from number where n < ${count})
    insert into recipients
      (id, kind, channel, address, audience_id, state, mode, whole_page, locale, created_at, confirmed_at)
    select printf('p%011d', n), 'subscriber', 'email', 'person' || n || '@example.org', '', 'confirmed', 'policy', 1, 'en',
      ${LONG_AGO}, ${LONG_AGO}
    from number`;
}

async function openCopy(file: string, checkout: string, sink: Sink): Promise<Installation> {
  const dataDir = mkdtempSync(join(tmpdir(), 'foghorn-bench-'));
  mkdirSync(dataDir, { recursive: true });
  copyFileSync(file, join(dataDir, 'foghorn.db'));
  const server = await startServer({
    dataDir,
    nodeArgs: ['--import', join(import.meta.dirname, 'probe.ts')],
    env: {
      MAIL_TRANSPORT: 'resend',
      RESEND_API_KEY: 're_test',
      RESEND_BASE_URL: sink.url,
      LOG_LEVEL: 'info',
    },
    until: 'listening',
  });
  const [, probeUrl] = /probe (\S+)/.exec(await server.logged(/^probe /)) as RegExpExecArray;
  const db = await openDatabase(`sqlite:${join(dataDir, 'foghorn.db')}`);
  const form = { origin: server.url, 'content-type': 'application/x-www-form-urlencoded' };
  const send = (path: string, fields: Record<string, string>, headers: Record<string, string>) =>
    ask(server.url, path, {
      method: 'POST',
      headers: { ...form, accept: 'text/html', ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const memory = watchMemory(server.pid);
  const cookie = await signIn(() => send('/admin/login', { email: EMAIL, password: PASSWORD }, {}));
  return {
    server,
    db,
    checkout,
    post: (path, fields) => send(path, fields, { cookie }),
    probe: async (path) => (await (await fetch(probeUrl + path)).json()) as never,
    peakMemory: memory.peak,
    close: async () => {
      memory.stop();
      await db.close();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Adds up, several times a second, the proportional set sizes (PSS) of a process and its children. */
function watchMemory(pid: number): { peak: () => number; stop: () => void } {
  let peak = 0;
  const timer = setInterval(() => {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    const sizes = [pid, ...children].map((one) => {
      const [, kilobytes] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8')) ?? [];
      return Number(kilobytes ?? 0) * 1024;
    });
    peak = Math.max(
      peak,
      sizes.reduce((sum, size) => sum + size, 0),
    );
  }, 1_000);
  return { peak: () => peak, stop: () => clearInterval(timer) };
}

/** The server listens before its database is open. */
async function signIn(send: () => ReturnType<typeof ask>): Promise<string> {
  for (;;) {
    const answer = await send();
    if (answer.status >= 500) continue;
    if (answer.status !== 303) throw new Error(`Could not sign in: ${answer.status} ${answer.body}`);
    return [answer.headers['set-cookie'] ?? []]
      .flat()
      .map((one) => one.split(';')[0])
      .join('; ');
  }
}
