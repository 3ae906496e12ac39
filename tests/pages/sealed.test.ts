import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import type { Ctx } from '#db/context.ts';
import type { Db } from '#db/open.ts';
import { ROLES } from '#domain/permissions.ts';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';
import { publishApproved } from '#services/approvals.ts';
import { saveDraft } from '#services/drafts.ts';
import { addLogEntry, getIncident, postUpdate } from '#services/incidents.ts';
import { declareRestricted } from '#services/restricted.ts';
import { RESTRICTED_TITLE } from '#services/restrictedMail.ts';
import { callStaff, haveIt } from '#services/staffCalls.ts';
import { setApprover } from '#services/users.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { sealedHouse } from '../services/sealedHouse.ts';
import { eachDatabase, eachDatabaseUrl } from '../support/databases.ts';
import { FURNISHED_ENV, type Furnished, furnish, PASSWORD, pathOf, signInAs } from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { findVerbs } from '../support/verbs.ts';

/** Stands in the title and in what is said in public; and in everything that is said or done inside. */
const TITLE = 'zebramoth';
const INSIDE = 'quailfern';
const OUTSIDERS = ['user-owner', 'user-comms', 'user-responder', 'user-viewer'] as const;

/** One restricted incident with all that can hang on one. What of it has an id is in `ids`. */
async function fill(sela: Ctx, id: string, tick: (ms: number) => void) {
  const mine = { subject: id, fields: { audience: 'internal', body: `${INSIDE} draft` } };
  await saveDraft(sela, mine);
  await addLogEntry(sela, { incidentId: id, body: `${INSIDE} log` });
  const { version, status } = await getIncident(sela, id);
  const said = { incidentId: id, version, status, components: [], notify: false };
  const { updateId } = await postUpdate(sela, { ...said, audience: 'internal', body: `${INSIDE} update` });
  await haveIt(sela, { incidentId: id, clock: 'internal' });
  tick(2 * HOUR);
  await callStaff(sela);
  return updateId;
}

const declared = {
  title: `${TITLE} lay open`,
  severity: 'SEV1' as const,
  scope: TITLE,
  summary: `${INSIDE} summary`,
};

eachDatabase('a restricted incident, by every verb', (fresh) => {
  /** Every way in which an id, or several, can be handed to a verb. */
  function attempts(known: {
    id: string;
    update: string;
    approval: string;
    notices: string[];
    seqs: number[];
  }) {
    const { id, update, approval, notices, seqs } = known;
    const said = { status: 'investigating', body: 'x', components: [], notify: true, version: 1 };
    const texts = { scope: null, affected: null, workaround: null, estimate: null, title: 'x', reason: 'x' };
    const whole = { incidentId: id, maintenanceId: id, updateId: update, approvalId: approval, subject: id };
    const form = { ...said, ...texts, ...whole, fields: { body: 'x' }, role: 'scribe', userId: 'user-owner' };
    const lists = { kind: 'incident', limit: 50, before: null, after: null };
    const objects = [
      { ...form, audience: 'internal', clock: 'internal' },
      { ...form, audience: 'public', clock: 'public' },
      { ...lists, clock: 'public' },
      { limit: 50 },
      { noticeId: notices[0], limit: 50 },
      ...['sela', 'noor'].flatMap((name) => [
        { sought: { by: 'address', address: `${name}@example.com` } },
        { sought: { by: 'name', name } },
      ]),
    ];
    const single = [id, update, approval, ...notices, ...seqs, null].map((one) => [one]);
    return [
      ...objects.map((one) => [one]),
      ...single,
      ...notices.map((one) => [one, { show: 'waiting' }]),
      [seqs],
      [{ ...form, notes: '' }, {}],
      [id, { status: 'operational' }],
    ];
  }

  /** What the people inside wrote and decided about it; nobody else's deed may change it. */
  async function record(db: Db, id: string): Promise<string> {
    return db.read(async (tx) => {
      const incident = await tx
        .selectFrom('incidents')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      const parts: unknown[] = [incident];
      for (const table of [
        'updates',
        'log_entries',
        'incident_roles',
        'holds',
        'incident_viewers',
        'approvals',
      ] as const)
        parts.push(await tx.selectFrom(table).selectAll().where('incident_seq', '=', incident.seq).execute());
      parts.push(await tx.selectFrom('drafts').selectAll().where('subject', '=', id).execute());
      parts.push(await tx.selectFrom('audit').selectAll().where('subject_id', '=', id).execute());
      const sent = tx.selectFrom('notices').select('seq').where('incident_seq', '=', incident.seq);
      parts.push(await tx.selectFrom('deliveries').selectAll().where('notice_seq', 'in', sent).execute());
      return JSON.stringify(parts);
    });
  }

  /** By mark, the names of the verbs that answered with it, whichever way they were asked. */
  async function whoSays(
    ctx: Ctx,
    tries: unknown[][],
  ): Promise<Record<'title' | 'inside' | 'mail', string[]>> {
    const said = { title: new Set<string>(), inside: new Set<string>(), mail: new Set<string>() };
    for (const [name, verb] of await findVerbs()) {
      // An owner may let themselves in, which its viewers are told: here nobody does.
      if (name === 'joinSealed') continue;
      for (const args of tries) {
        let answer: unknown;
        try {
          answer = await verb(ctx, ...structuredClone(args));
        } catch (error) {
          answer = error instanceof Error ? [error.message, { ...error }] : error;
        }
        const text = JSON.stringify(answer, spread) ?? '';
        if (text.includes(TITLE)) said.title.add(name);
        if (text.includes(INSIDE)) said.inside.add(name);
        if (text.includes(RESTRICTED_TITLE)) said.mail.add(name);
      }
    }
    return { title: [...said.title], inside: [...said.inside], mail: [...said.mail] };
  }

  /** Maps and sets would be written as {}. */
  function spread(_: string, value: unknown): unknown {
    if (value instanceof Map) return [...value];
    return value instanceof Set ? [...value] : value;
  }

  async function house() {
    const made = await sealedHouse(fresh);
    const { db, ctx, as } = made;
    const sela = as('sela');
    const { id } = await made.seal({ ...declared, viewers: ['noor', 'kim'] });
    const update = await fill(sela, id, ctx.clock.advance);
    // Kim may not publish it, so what she writes waits for Noor.
    const { updateId: approval } = await made.write('kim', id, { body: `${TITLE} happened.`, notify: true });
    const rows = await db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .select(['d.seq', 'n.id'])
        .execute(),
    );
    expect(rows.length).toBeGreaterThan(2);
    await db.write((tx) => tx.updateTable('deliveries').set({ state: 'uncertain' }).execute());
    const notices = [...new Set(rows.map((row) => row.id))].slice(0, 2);
    const tries = attempts({ id, update, approval, notices, seqs: rows.map(({ seq }) => seq).slice(0, 3) });
    return { ...made, id, tries, approval };
  }

  it('is known to none who is not its viewer, whatever they ask for by whichever id', async () => {
    const { db, ctx, as, id, tries } = await house();
    const before = await record(db, id);
    const strangers: [string, Ctx][] = [
      ...OUTSIDERS.map((name): [string, Ctx] => [name, as(name)]),
      ['the machine', { ...ctx, actor: { kind: 'system', name: 'the machine' } }],
      ['a visitor', { ...ctx, actor: { kind: 'visitor' } }],
    ];
    for (const [who, stranger] of strangers) {
      expect([who, await whoSays(stranger, tries)]).toEqual([who, { title: [], inside: [], mail: [] }]);
      expect((await record(db, id)) === before, `${who} changed it`).toBe(true);
    }
    // The same questions do find it when one of its viewers asks.
    const found = await whoSays(as('noor'), tries);
    expect(found.title).toEqual(
      expect.arrayContaining(['dueNow', 'getApproval', 'getIncident', 'listIncidents', 'listWaiting']),
    );
    expect(found.inside).toEqual(expect.arrayContaining(['getIncident', 'loadDraft']));
    expect(found.mail).toEqual(expect.arrayContaining(['listUncertain', 'lookUp', 'readMail']));
  });

  it('keeps what was said inside to its viewers once it is published', async () => {
    const { ctx, as, tries, approval } = await house();
    ctx.clock.advance(MINUTE);
    await publishApproved(as('noor'), { approvalId: approval });
    for (const name of OUTSIDERS) {
      const { title, inside, mail } = await whoSays(as(name), tries);
      expect(title).toEqual(expect.arrayContaining(['getIncident', 'getPublicIncident']));
      expect([name, inside, mail]).toEqual([name, [], []]);
    }
    expect((await whoSays(as('noor'), tries)).inside).toContain('getIncident');
  });
});

eachDatabaseUrl('a restricted incident, on every page', (place) => {
  const open: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  async function house() {
    const folder = mkdtempSync(join(tmpdir(), 'foghorn-sealed-'));
    open.push(async () => rmSync(folder, { recursive: true, force: true }));
    const database = await place();
    const made: Furnished = await furnish(folder, { DATABASE_URL: database });
    open.push(() => made.foghorn.close());
    const { foghorn } = made;
    const system = foghorn.contextFor({ kind: 'system', name: 'test' });
    const person = async (name: string, role: 'responder' | 'comms') => {
      const email = `${name}@staff.example`;
      const { id } = await createUser(system, { email, name, role, password: PASSWORD });
      return { id, email, ctx: foghorn.contextFor({ kind: 'user', id, name, email, role }) };
    };
    const sela = await person('sela', 'responder');
    const noor = await person('noor', 'comms');
    const kim = await person('kim', 'comms');
    await setApprover(system, { userId: noor.id, approver: true });
    let late = 0;
    // Hours ago, so that its clocks have run and what is published comes after what was said inside.
    const start = addMs(system.now(), -3 * HOUR);
    const soon = (ctx: Ctx): Ctx => ({ ...ctx, now: () => addMs(start, late++) });
    const restricted = await declareRestricted(soon(sela.ctx), {
      ...declared,
      components: [],
      viewers: [noor.id, kim.id],
    });
    const update = await fill(soon(sela.ctx), restricted.id, (ms) => {
      late += ms;
    });
    const { version } = await getIncident(kim.ctx, restricted.id);
    const { updateId: approval } = await postUpdate(soon(kim.ctx), {
      incidentId: restricted.id,
      version,
      audience: 'public',
      status: 'investigating',
      body: `${TITLE} happened.`,
      components: [],
      notify: true,
    });
    const seq = await foghorn.db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .innerJoin('incidents as i', 'i.seq', 'n.incident_seq')
        .select(['d.seq', 'n.id'])
        .where('i.id', '=', restricted.id)
        .limit(1)
        .executeTakeFirstOrThrow(),
    );
    const server: TestServer = await startServer({
      dataDir: folder,
      env: { ...FURNISHED_ENV, DATABASE_URL: database },
    });
    open.push(() => server.stop());
    const ids = {
      ...made.ids,
      '/admin/approvals/[]': approval,
      '/admin/deliveries/[]': seq.id,
      '/admin/deliveries/mail/[]': String(seq.seq),
      '/admin/incidents/[]': restricted.id,
      '/admin/maintenance/[]': restricted.id,
      '/incidents/[]': restricted.id,
      '/maintenance/[]': restricted.id,
    };
    return { ...made, ids, own: made.ids, server, sela, noor, restricted, update, approval };
  }

  type Asked = { path: string; status: number; body: string };

  /** Every page there is, with its own furniture and with the restricted incident's ids; and the lists by what can be asked of them. */
  async function walk(server: TestServer, all: Furnished['ids'][], cookie: string | null): Promise<Asked[]> {
    // The page of faults is one itself.
    const patterns = routePatterns().filter((pattern) => pattern !== '/500');
    const paths = patterns.flatMap((pattern) => all.map((ids) => pathOf(pattern, ids)));
    const sought = ['/admin/heard', '/admin/subscribers'].map((path) => `${path}?find=sela`);
    const asked: Asked[] = [];
    for (const path of new Set([...paths, ...sought, '/admin/incidents?after=x', '/admin/due?now'])) {
      const { status, body } = await ask(server.url, path, { headers: cookie ? { cookie } : {} });
      asked.push({ path, status, body: String(body) });
    }
    return asked;
  }

  const naming = (mark: string, asked: readonly Asked[]) =>
    asked.filter(({ body }) => body.includes(mark)).map(({ path }) => path);

  it('is shown to none who is not its viewer, and is not there by its address', async () => {
    const { server, ids, own, users, sela, restricted } = await house();
    for (const role of [...ROLES, null]) {
      const cookie = role && (await signInAs(server.url, users[role].email));
      const asked = await walk(server, [own, ids], cookie);
      expect([role, naming(TITLE, asked), naming(INSIDE, asked)]).toEqual([role, [], []]);
      const direct = asked.filter(({ path }) => path.includes(restricted.id));
      expect(direct.length).toBeGreaterThan(5);
      for (const { path, status } of direct)
        expect([303, 401, 403, 404], `${path} as ${role}: ${status}`).toContain(status);
      expect(asked.filter(({ status }) => status >= 500)).toEqual([]);
      for (const [path, fields] of [
        [`/admin/incidents/${restricted.id}`, { do: 'note', note: 'x' }],
        [`/admin/incidents/${restricted.id}`, { do: 'letIn', viewers: users.owner.id }],
        [`/admin/incidents/${restricted.id}/next`, { do: 'have' }],
        [`/admin/approvals/${ids['/admin/approvals/[]']}`, { do: 'publish', reason: 'x' }],
      ] as const) {
        if (!cookie) continue;
        const { status } = await ask(server.url, path, {
          method: 'POST',
          headers: { cookie, origin: server.url, 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams(fields).toString(),
        });
        expect(status, `${path} ${fields.do} as ${role}`).toBe(404);
      }
    }
    const seen = await walk(server, [own, ids], await signInAs(server.url, sela.email));
    expect(naming(TITLE, seen)).toEqual(
      expect.arrayContaining([
        '/admin',
        '/admin/due',
        '/admin/due?now',
        '/admin/incidents',
        `/admin/incidents/${restricted.id}`,
      ]),
    );
    expect(naming(INSIDE, seen).sort()).toEqual([
      `/admin/incidents/${restricted.id}`,
      `/admin/incidents/${restricted.id}/brief`,
    ]);
  });

  it('shows its public part alone once it is published', async () => {
    const { server, ids, own, users, noor, approval, restricted } = await house();
    await publishApproved(noor.ctx, { approvalId: approval });
    for (const role of [...ROLES, null]) {
      const asked = await walk(server, [own, ids], role && (await signInAs(server.url, users[role].email)));
      expect([role, naming(INSIDE, asked)]).toEqual([role, []]);
      expect(naming(TITLE, asked)).toContain(`/incidents/${restricted.id}`);
    }
  });
});

describe('the table of incidents', () => {
  /** Who may ask it, beside db/visible.ts through which everyone goes, each with the reason. */
  const ASKS: Record<string, string> = {
    'audit.ts': 'joined under the rule',
    'approvals.ts': 'joined under the rule, and once for the clock',
    'claims.ts': 'joined under the rule',
    'deliveries.ts': 'which messages are restricted, so that no batch tells of two such incidents',
    'deliveryReports.ts': 'messages, under the rule',
    'digestItems.ts':
      'what subscribers are told, which leaves out what is restricted by a condition of its own',
    'drafts.ts': 'joined under the rule',
    'due.ts': 'what is published: a yes or no about the page',
    'heard.ts': 'messages, under the rule',
    'incidentRunbooks.ts': 'joined under the rule',
    'incidentTeam.ts': 'joined under the rule',
    'incidents.ts': 'writes',
    'keptWord.ts': 'reports, which leave out what is restricted by a condition of its own',
    'maintenance.ts': 'joined, without what is restricted: the end of some work must not give it away',
    'missed.ts': 'numbers alone, of which whoever asks leaves out what is not open to all',
    'postmortems.ts': 'joined under the rule',
    'publicPage.ts': 'what everyone sees, which leaves out what is restricted by a condition of its own',
    'statuspageImport.ts': 'writes, and finds what it wrote',
    'updates.ts': 'joined under the rule',
    'viewers.ts': 'what is restricted, for the clock and for owners, who are shown that it is there alone',
    'visible.ts': 'the rule',
  };

  it('is asked nowhere but where the rule is kept', () => {
    const folder = join(import.meta.dirname, '../../db');
    const asking = readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .filter((name) =>
        /(selectFrom|[jJ]oin|updateTable|insertInto)\('incidents\b|join incidents\b/.test(
          readFileSync(join(folder, name), 'utf8'),
        ),
      );
    expect(asking.sort()).toEqual(Object.keys(ASKS).sort());
  });
});
