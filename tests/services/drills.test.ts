import { expect, it } from 'vitest';
import { listCurrentStatuses } from '#db/claims.ts';
import type { Db } from '#db/open.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { DRILL_BANNER } from '#domain/drills.ts';
import { addMs, MINUTE } from '#domain/time.ts';
import { addMember, ensureAudiences } from '#services/audiences.ts';
import { createBriefLink } from '#services/brief.ts';
import { abandonDrill, type StartDrillInput, startDrill } from '#services/drills.ts';
import { listOutgoing, sendNow, stopSending } from '#services/fanoutControl.ts';
import { assignRole, editUpdate } from '#services/incidents.ts';
import { getKeptReport, getKeptWord } from '#services/keptWord.ts';
import { previewUpdate } from '#services/postUpdate.ts';
import { callStaff } from '#services/staffCalls.ts';
import { addSubscriber } from '#services/subscriberRecords.ts';
import { eachDatabase } from '../support/databases.ts';
import { incidentHouse } from './incidentHouse.ts';

const NAMES = ['mia', 'jonas', 'ada', 'otto'] as const;

/** Mia is on duty with Jonas and Otto; a subscriber and an executive would be told of a real incident. Jonas and Ada take part in drills. */
async function drillHouse(fresh: () => Promise<Db>) {
  const house = await incidentHouse(fresh);
  const { db, ctx, checkout } = house;
  const at = '2026-01-01T00:00:00.000Z';
  await db.write(async (tx) => {
    for (const name of NAMES)
      await tx
        .insertInto('users')
        .values({
          id: name,
          email: `${name}@example.com`,
          name,
          role: name === 'otto' ? 'owner' : 'comms',
          password_hash: 'x',
          created_at: at,
          disabled_at: null,
        })
        .execute();
    await tx
      .insertInto('duty_shifts')
      .values({
        id: 'shift',
        starts_at: '2026-11-20T08:00:00.000Z',
        ends_at: '2026-11-21T08:00:00.000Z',
        primary_id: 'mia',
        second_id: 'jonas',
        manager_id: 'otto',
        note: null,
        created_at: at,
        updated_at: at,
      })
      .execute();
  });
  await addSubscriber(ctx, { address: 'sub@private.example', consent: 'a letter' });
  await ensureAudiences({ ...ctx, actor: { kind: 'system', name: 'test' } });
  await addMember(ctx, 'executives', { address: 'chief@private.example', name: 'Chief' });
  const drill = (changes: Partial<StartDrillInput> = {}) =>
    startDrill(ctx, {
      title: 'Checkout is failing',
      severity: 'SEV1',
      components: [{ id: checkout.id, status: 'major_outage' }],
      participants: ['jonas', 'ada'],
      ...changes,
    });
  const expand = async (now = ctx.now()) => {
    while (await expandNextChunk({ db, now: () => now }));
  };
  /** What the outbox holds for anyone, in the order in which it came: "14:05 mia, jonas: subject". */
  const mails = async () => {
    const rows = await db.read((tx) =>
      tx
        .selectFrom('notices as n')
        .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select([
          'n.seq',
          'n.created_at',
          'n.subject',
          'n.kind',
          'n.html',
          'n.text',
          'n.payload',
          'r.address',
        ])
        .select('d.state')
        .orderBy('n.seq')
        .orderBy('r.address')
        .execute(),
    );
    return [...Map.groupBy(rows, ({ seq }) => seq).values()].map((own) => {
      const [first] = own as [(typeof rows)[number]];
      const to = own.map(({ address }) => address.split('@')[0]).join(', ');
      return { ...first, to, line: `${first.created_at.slice(11, 16)} ${to}: ${first.subject}` };
    });
  };
  const pass = async (minutes: number) => {
    for (let half = 0; half < minutes * 2; half++) {
      await callStaff(ctx);
      await expand();
      ctx.clock.advance(MINUTE / 2);
    }
    await callStaff(ctx);
    await expand();
  };
  return { ...house, drill, expand, mails, pass };
}

eachDatabase('a drill', (fresh) => {
  it('is a SEV1 of an hour like any other, for those who take part and for nobody else', async () => {
    const { db, ctx, checkout, drill, say, mails, pass, version, statusOf, claims } = await drillHouse(fresh);
    const before = await version();
    ctx.changes.length = 0;
    const { id, leftOut } = await drill({ roles: { incident_commander: 'ada' } });
    expect(leftOut).toEqual([]);
    await pass(12);
    await say(id, { notify: true });
    await pass(16);
    await say(id, { status: 'identified', notify: true });
    await pass(14);
    await say(id, { status: 'monitoring', notify: true });
    await pass(16);
    await say(id, { status: 'resolved', notify: true });
    await pass(60);
    const all = await mails();
    expect(all.map(({ line }) => line)).toEqual([
      '14:00 ada, jonas: DRILL: [SEV1] First public update due by 14:05 UTC: Checkout is failing',
      '14:03 ada, jonas: DRILL: [SEV1] First public update due by 14:05 UTC: Checkout is failing',
      '14:05 ada, jonas: DRILL: [SEV1] First public update due now, 14:05 UTC: Checkout is failing',
      '14:05 ada, jonas: DRILL: [SEV1] Nobody is comms lead: Checkout is failing',
      '14:10 ada, jonas: DRILL: [SEV1] Late: first public update was due 14:05 UTC: Checkout is failing',
      '14:12 ada, jonas: DRILL: [Investigating] Checkout is failing',
      '14:15 ada, jonas: DRILL: [SEV1] Internal update due now, 14:15 UTC: Checkout is failing',
      '14:20 ada, jonas: DRILL: [SEV1] Nobody is comms lead: Checkout is failing',
      '14:28 ada, jonas: DRILL: [Identified] Checkout is failing',
      '14:30 ada, jonas: DRILL: [SEV1] Late: internal update was due 14:15 UTC: Checkout is failing',
      '14:35 ada, jonas: DRILL: [SEV1] Nobody is comms lead: Checkout is failing',
      '14:42 ada, jonas: DRILL: [Monitoring] Checkout is failing',
      '14:45 ada, jonas: DRILL: [SEV1] Late: internal update was due 14:15 UTC: Checkout is failing',
      '14:50 ada, jonas: DRILL: [SEV1] Nobody is comms lead: Checkout is failing',
      '14:58 ada, jonas: DRILL: [Resolved] Checkout is failing',
    ]);
    for (const { subject, html, text, payload } of all) {
      expect(subject).toMatch(/^DRILL: /);
      expect(text.replace(/\s+/g, ' ')).toMatch(new RegExp(`^DRILL\\. ${DRILL_BANNER}`));
      expect(html).toContain(DRILL_BANNER);
      expect(payload).toBeNull();
      for (const body of [html, text]) {
        expect(body).not.toMatch(/unsubscribe|manage_url|example\.com\/incidents/i);
        expect(body).toContain(`https://status.example.com/admin/incidents/${id}`);
      }
    }
    expect(ctx.changes).not.toContain('page');
    expect(await version()).toEqual(before);
    expect(await statusOf(checkout.id)).toBe('operational');
    expect(await db.read((tx) => listCurrentStatuses(tx, ctx.now()))).toEqual(new Map());
    // What it said of components is remembered as its own.
    expect((await claims()).map(([, kind, status]) => [kind, status])).toEqual([
      ['incident', 'major_outage'],
    ]);
    expect(await db.read((tx) => tx.selectFrom('digest_items').selectAll().execute())).toEqual([]);
    expect(await db.read((tx) => tx.selectFrom('tellings').selectAll().execute())).toEqual([]);
  });

  it('changes no component for anyone while it claims one', async () => {
    const { db, ctx, checkout, drill, statusOf, pass } = await drillHouse(fresh);
    await drill();
    await pass(1);
    const open = await db.read((tx) => tx.selectFrom('claims').select('ends_at').execute());
    expect(open).toEqual([{ ends_at: null }]);
    expect(await db.read((tx) => listCurrentStatuses(tx, ctx.now(), ctx.actor))).toEqual(new Map());
    expect(await statusOf(checkout.id)).toBe('operational');
  });

  it('keeps its figures apart from those of real incidents', async () => {
    const { ctx, drill, say, pass } = await drillHouse(fresh);
    const { id } = await drill();
    await pass(12);
    await say(id, { notify: true });
    const kept = await getKeptWord(ctx, id);
    expect([kept?.counted, kept?.onTime]).toEqual([1, 0]);
    const report = await getKeptReport(ctx, null);
    expect([report.all.incidents, report.apart.map(({ what }) => what)]).toEqual([0, ['drill']]);
  });

  it('says before a post how many it reaches, and its mail can be stopped, mended and sent at once', async () => {
    const { db, ctx, drill, say, get, mails, expand } = await drillHouse(fresh);
    await db.write((tx) => tx.updateTable('page').set({ settings: '{"releaseSeconds":10}' }).execute());
    const { id } = await drill();
    const { version, status } = await get(id);
    const said = { incidentId: id, version, status, components: [], body: 'x', notify: true };
    const preview = await previewUpdate(ctx, { ...said, audience: 'public' });
    expect([preview.told, preview.audiences]).toEqual([2, []]);
    expect(preview.mail.subject).toMatch(/^DRILL: /);
    const { updateId, told, inAudiences } = await say(id, { body: 'A wrong word.', notify: true });
    expect([told, inAudiences]).toEqual([2, 0]);
    const [outgoing] = await listOutgoing(ctx, id);
    expect([outgoing?.state, outgoing?.total]).toEqual(['waiting', 2]);
    await stopSending(ctx, outgoing?.noticeId as string);
    const none = { scope: null, affected: null, workaround: null, estimate: null };
    await editUpdate(ctx, { updateId, body: 'The right word.', ...none, notify: true });
    await sendNow(ctx, (await listOutgoing(ctx, id))[0]?.noticeId as string);
    await expand(addMs(ctx.now(), MINUTE));
    const texts = (await mails()).filter(({ kind }) => kind === 'drill');
    expect(texts.map(({ to, state }) => [to, state])).toEqual([['ada, jonas', 'queued']]);
    ctx.clock.advance(MINUTE);
    // The next word takes the place of what has not left.
    await say(id, { status: 'identified', notify: true });
    await expand(addMs(ctx.now(), MINUTE));
    const after = (await mails()).filter(({ kind }) => kind === 'drill');
    expect(after.map(({ to, state }) => [to, state])).toEqual([
      ['ada, jonas', 'superseded'],
      ['ada, jonas', 'queued'],
    ]);
  });

  it('corrects what those who take part had read, and nobody else', async () => {
    const { db, ctx, drill, say, mails, expand } = await drillHouse(fresh);
    const { id } = await drill();
    const { updateId } = await say(id, { body: 'A wrong word.', notify: true, releaseNow: true });
    await expand();
    // One has it by now, the other does not yet.
    const jonas = await db.read((tx) =>
      tx.selectFrom('recipients').select('seq').where('address', '=', 'jonas@example.com').executeTakeFirst(),
    );
    await db.write((tx) =>
      tx
        .updateTable('deliveries')
        .set({ state: 'accepted' })
        .where('recipient_seq', '=', jonas?.seq as number)
        .execute(),
    );
    const none = { scope: null, affected: null, workaround: null, estimate: null };
    await editUpdate(ctx, {
      updateId,
      body: 'The right word.',
      ...none,
      notify: true,
      wrong: 'It was not so',
    });
    await expand(addMs(ctx.now(), MINUTE));
    expect((await mails()).filter(({ kind }) => kind === 'drill').map(({ line }) => line)).toEqual([
      '14:00 ada, jonas: DRILL: [Investigating] Checkout is failing',
      '14:00 jonas: DRILL: [Correction] Checkout is failing',
    ]);
  });

  it('leaves nothing behind when it is resolved with a component that is still down', async () => {
    const { ctx, checkout, drill, say, statusOf, claims } = await drillHouse(fresh);
    const { id } = await drill();
    await say(id, {
      status: 'resolved',
      reason: 'Practice',
      components: [{ id: checkout.id, status: 'degraded_performance' }],
    });
    expect(await statusOf(checkout.id)).toBe('operational');
    expect((await claims()).filter(([, kind]) => kind === 'manual')).toEqual([]);
    await expect(
      createBriefLink(ctx, { incidentId: id, hours: 1, shows: 'inside', tokenHash: 'x' }),
    ).rejects.toMatchObject({ code: 'conflict' });
  });

  it('can be abandoned: what waits is not sent, nothing is awaited, and all who took part are told', async () => {
    const { ctx, drill, say, get, mails, pass, expand } = await drillHouse(fresh);
    const { id } = await drill();
    await pass(6);
    await say(id, { notify: true });
    await abandonDrill(ctx.as('responder'), { incidentId: id });
    await expand(addMs(ctx.now(), MINUTE));
    const before = (await mails()).length;
    await pass(90);
    const all = await mails();
    expect(all.length).toBe(before);
    expect(all.at(-1)?.line).toBe('14:06 ada, jonas: DRILL: [SEV1] Abandoned: Checkout is failing');
    expect(all.filter(({ kind }) => kind === 'drill')).toEqual([]);
    const { status, nextUpdateDue, internalDue, components } = await get(id);
    expect([status, nextUpdateDue, internalDue, components[0]?.claimed]).toEqual([
      'resolved',
      null,
      null,
      null,
    ]);
    await expect(abandonDrill(ctx, { incidentId: id })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('takes people who can sign in, and its roles go to those who take part', async () => {
    const { db, ctx, drill, declare } = await drillHouse(fresh);
    await db.write((tx) =>
      tx.updateTable('users').set({ disabled_at: ctx.now() }).where('id', '=', 'jonas').execute(),
    );
    expect((await drill()).leftOut).toEqual(['jonas']);
    await expect(drill({ participants: ['jonas'] })).rejects.toMatchObject({
      problems: [{ field: 'participants' }],
    });
    await expect(drill({ participants: [] })).rejects.toMatchObject({ code: 'invalid' });
    await expect(drill({ roles: { comms_lead: 'mia' } })).rejects.toMatchObject({
      problems: [{ field: 'role.comms_lead' }],
    });
    const { id } = await drill();
    await expect(assignRole(ctx, { incidentId: id, role: 'scribe', userId: 'mia' })).rejects.toMatchObject({
      code: 'invalid',
    });
    await expect(
      startDrill(ctx.as('viewer'), { title: 'x', severity: 'SEV1', components: [], participants: ['ada'] }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    const real = await declare();
    await expect(abandonDrill(ctx, { incidentId: real.id })).rejects.toMatchObject({ code: 'not_found' });
  });
});
