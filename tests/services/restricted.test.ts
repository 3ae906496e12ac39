import { expect, it } from 'vitest';
import { BY_HAND, listClaimsOfSource, listCurrentStatuses } from '#db/claims.ts';
import type { Db } from '#db/open.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { publishApproved } from '#services/approvals.ts';
import { addMember, ensureAudiences } from '#services/audiences.ts';
import { readAudit } from '#services/audit.ts';
import { loadDraft, saveDraft } from '#services/drafts.ts';
import { addLogEntry, assignRole, dueNow, getIncident, listIncidents } from '#services/incidents.ts';
import { getKeptWord } from '#services/keptWord.ts';
import { getStatusPage } from '#services/publicPage.ts';
import { addViewer, getSeal, joinSealed, listSealed, removeViewer } from '#services/restricted.ts';
import { callStaff } from '#services/staffCalls.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { sealedHouse } from './sealedHouse.ts';

eachDatabase('a restricted incident', (fresh) => {
  const house = () => sealedHouse(fresh as () => Promise<Db>);

  it('is there for those who are named, and for nobody else', async () => {
    const { as, seal, statusOf, checkout, ctx } = await house();
    const { id } = await seal();
    for (const name of ['sela', 'noor'] as const) {
      const { open } = await listIncidents(as(name), { kind: 'incident', limit: 5 });
      expect(open.map((one) => one.id)).toEqual([id]);
      expect((await dueNow(as(name))).map(({ what }) => what)).toEqual(['internal update']);
    }
    const stranger = { ...ctx, actor: { kind: 'system', name: 'the machine' } } as const;
    for (const one of [as('kim'), as('user-owner'), stranger]) {
      expect(await listIncidents(one, { kind: 'incident', limit: 5 })).toEqual({
        open: [],
        over: [],
        more: false,
      });
      expect(await dueNow(one)).toEqual([]);
      await expect(getIncident(one, id)).rejects.toMatchObject({ code: 'not_found' });
    }
    // What it claims of components is part of it.
    expect(await statusOf(checkout.id)).toBe('operational');
  });

  it('tells those who are let in by a mail that says nothing of it, and those who were there who came', async () => {
    const { as, seal, mails, db, ctx } = await house();
    const { id } = await seal();
    ctx.clock.advance(MINUTE);
    await addViewer(as('noor'), { incidentId: id, userId: 'kim' });
    await addViewer(as('noor'), { incidentId: id, userId: 'kim' });
    expect(await mails()).toEqual([
      '14:00 noor: [SEV1] You see a restricted incident',
      '14:01 kim: [SEV1] You see a restricted incident',
      '14:01 sela: [SEV1] Who sees a restricted incident has changed',
    ]);
    const notices = await db.read((tx) => tx.selectFrom('notices').selectAll().execute());
    expect(JSON.stringify(notices)).not.toContain('A key lay open');
    expect((await getSeal(as('kim'), id))?.viewers.map(({ name, addedBy }) => [name, addedBy])).toEqual([
      ['noor', 'sela'],
      ['sela', 'sela'],
      ['kim', 'noor'],
    ]);
    expect((await getIncident(as('kim'), id)).title).toBe('A key lay open');
  });

  it('leaves nothing on the page when it is over inside with a component that is still wrong', async () => {
    const { as, seal, write, ctx, checkout, db } = await house();
    const { id } = await seal();
    ctx.clock.advance(MINUTE);
    await write('sela', id, {
      audience: 'internal',
      status: 'resolved',
      components: [{ id: checkout.id, status: 'partial_outage' }],
    });
    expect(await db.read((tx) => listClaimsOfSource(tx, BY_HAND))).toEqual([]);
    const statuses = await db.read((tx) => listCurrentStatuses(tx, ctx.now(), as('kim').actor));
    expect(statuses.get(checkout.id)).toBeUndefined();
  });

  it('is seen no more by who is taken out, and never by nobody', async () => {
    const { as, seal, mails } = await house();
    const { id } = await seal();
    await removeViewer(as('noor'), { incidentId: id, userId: 'sela' });
    expect((await mails()).at(-1)).toBe('14:00 noor: [SEV1] You see a restricted incident');
    await expect(getIncident(as('sela'), id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(removeViewer(as('noor'), { incidentId: id, userId: 'noor' })).rejects.toMatchObject({
      code: 'conflict',
    });
    // One whose account is closed would not see it either.
    await expect(removeViewer(as('sela'), { incidentId: id, userId: 'noor' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('lets an owner in, who says why, and all who see it are told', async () => {
    const { as, seal, mails } = await house();
    const { id } = await seal();
    const owner = as('user-owner');
    expect(await listSealed(owner)).toEqual([
      {
        id,
        severity: 'SEV1',
        declaredAt: '2026-11-20T14:00:00.000Z',
        over: false,
        viewers: ['noor', 'sela'],
      },
    ]);
    await expect(joinSealed(owner, { incidentId: id, reason: ' ' })).rejects.toMatchObject({
      code: 'invalid',
    });
    await expect(joinSealed(as('kim'), { incidentId: id, reason: 'x' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await joinSealed(owner, { incidentId: id, reason: 'The lawyer called.' });
    expect((await getIncident(owner, id)).facts.map(({ text, note }) => [text, note])[0]).toEqual([
      'user-owner let themselves in, as an owner may',
      'The lawyer called.',
    ]);
    expect((await mails()).at(-1)).toBe(
      '14:00 noor, sela: [SEV1] Who sees a restricted incident has changed',
    );
    expect(await listSealed(owner)).toEqual([]);
  });

  it('calls its viewers alone, without its title, and never about the public', async () => {
    const { as, seal, mails, ctx, db } = await house();
    const { id } = await seal();
    await assignRole(as('sela'), { incidentId: id, role: 'incident_commander', userId: 'sela' });
    await expect(
      assignRole(as('sela'), { incidentId: id, role: 'comms_lead', userId: 'kim' }),
    ).rejects.toMatchObject({ code: 'invalid' });
    await db.write((tx) =>
      tx
        .insertInto('duty_shifts')
        .values({
          id: 'shift',
          starts_at: '2026-11-20T00:00:00.000Z',
          ends_at: '2026-11-21T00:00:00.000Z',
          primary_id: 'kim',
          second_id: 'user-comms',
          manager_id: 'user-owner',
          note: null,
          created_at: '2026-01-01T00:00:00.000Z',
          updated_at: '2026-01-01T00:00:00.000Z',
        })
        .execute(),
    );
    for (let minute = 0; minute < 40; minute++) {
      ctx.clock.advance(MINUTE);
      await callStaff(ctx);
    }
    const all = await mails();
    expect(all.length).toBeGreaterThan(3);
    for (const mail of all.slice(1)) {
      expect(mail).toMatch(/^\d\d:\d\d (noor|sela|noor, sela): \[SEV1\] .*a restricted incident$/);
      expect(mail).not.toContain('public update');
    }
  });

  it('keeps what is written of it from the audit and from other people’s drafts', async () => {
    const { as, seal } = await house();
    const { id } = await seal({ summary: 'It was in a log.' });
    await saveDraft(as('sela'), { subject: id, fields: { body: 'We rotated it.' } });
    expect((await loadDraft(as('noor'), id)).others).toHaveLength(1);
    expect((await loadDraft(as('kim'), id)).others).toEqual([]);
    await expect(saveDraft(as('kim'), { subject: id, fields: {} })).rejects.toMatchObject({
      code: 'not_found',
    });
    const { rows } = await readAudit(as('user-owner'), null);
    expect(rows.filter(({ subjectKind }) => subjectKind === 'incident')).toEqual([]);
    await joinSealed(as('user-owner'), { incidentId: id, reason: 'x' });
    expect(
      (await readAudit(as('user-owner'), null)).rows
        .filter(({ subjectKind }) => subjectKind === 'incident')
        .map(({ action }) => action),
    ).toEqual(['incident.joinSealed', 'incident.declare']);
  });

  it('is published by an approver who sees it, and then by its public part alone', async () => {
    const { as, seal, write, db, ctx, mails, checkout, statusOf } = await house();
    await makeSubscribers(db, 3);
    const { id } = await seal({ summary: 'It was in a log.' });
    await addLogEntry(as('sela'), { incidentId: id, body: 'Rotated.' });
    await write('sela', id, { audience: 'internal', body: 'Two keys, not one.' });
    ctx.clock.advance(HOUR);
    const posted = await write('noor', id, { body: 'A key was public.', notify: true });
    expect(posted).toMatchObject({ told: 3 });
    expect(posted.waitsFor).toBeUndefined();

    const stranger = await getIncident(as('kim'), id);
    expect(stranger.updates.map(({ body }) => body)).toEqual(['A key was public.']);
    expect(stranger.log).toEqual([]);
    expect(stranger.facts.map(({ text }) => text)).toEqual(['Published: it is restricted no more']);
    expect(stranger).toMatchObject({ restricted: false, nextUpdateDue: '2026-11-20T15:30:00.000Z' });
    const viewer = await getIncident(as('sela'), id);
    expect(viewer.updates).toHaveLength(2);
    expect(viewer.log).toHaveLength(1);
    expect(await statusOf(checkout.id)).toBe('major_outage');
    const page = await getStatusPage(ctx);
    expect(JSON.stringify(page)).toContain('A key was public.');
    expect(JSON.stringify(page)).not.toContain('Two keys');

    // What is said from now on is like of any incident.
    ctx.clock.advance(MINUTE);
    await write('kim', id, { audience: 'internal', body: 'Anyone may read this.' });
    expect((await getIncident(as('user-viewer'), id)).updates).toHaveLength(2);
    expect((await mails()).filter((mail) => mail.includes('Approve'))).toEqual([]);
  });

  it('is told to audiences once it is published, without what was said inside before', async () => {
    const { seal, write, db, ctx } = await house();
    await ensureAudiences(ctx);
    await addMember(ctx, 'managers', { address: 'max@example.com', name: 'Max' });
    const { id } = await seal({ summary: 'It was in a log.' });
    await write('sela', id, { audience: 'internal', body: 'Two keys, not one.' });
    const told = () =>
      db.read((tx) =>
        tx
          .selectFrom('notices')
          .select(['subject', 'text', 'html'])
          .where('kind', '=', 'stakeholder')
          .execute(),
      );
    expect(await told()).toEqual([]);
    ctx.clock.advance(HOUR);
    await write('noor', id, { body: 'A key was public.', notify: true });
    ctx.clock.advance(MINUTE);
    await write('sela', id, { audience: 'internal', status: 'investigating', body: 'Both are rotated.' });
    // And one for whoever the first has not reached.
    const mails = await told();
    expect(mails.map(({ text }) => text.includes('A key was public.'))).toContain(true);
    expect(mails.map(({ text }) => text.includes('Both are rotated.'))).toEqual([false, true, true]);
    expect(JSON.stringify(mails)).not.toMatch(/Two keys|in a log/);
  });

  it('owed nobody outside a word: once it ended so, none was broken', async () => {
    const { as, seal, write, ctx } = await house();
    const { id } = await seal();
    ctx.clock.advance(60 * MINUTE);
    await write('noor', id, { audience: 'internal', status: 'resolved', body: 'Rotated.' });
    expect(await getKeptWord(as('sela'), id)).toBeNull();
  });

  it('waits for an approver when someone else would publish it', async () => {
    const { as, seal, write, mails, ctx } = await house();
    const { id } = await seal({ viewers: ['kim'] });
    await expect(write('kim', id)).rejects.toMatchObject({
      code: 'conflict',
      fix: 'Let an approver in under “Who sees it”: abel and noor.',
    });
    await addViewer(as('sela'), { incidentId: id, userId: 'abel' });
    const { updateId, waitsFor } = await write('kim', id, { body: 'A key was public.' });
    expect(waitsFor).toEqual(['abel']);
    expect((await mails()).at(-1)).toBe('14:00 abel: [SEV1] Approve an update: a restricted incident');
    await expect(getIncident(as('noor'), id)).rejects.toMatchObject({ code: 'not_found' });
    // An approver who does not see it cannot find what waits.
    await expect(publishApproved(as('noor'), { approvalId: updateId })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(publishApproved(as('kim'), { approvalId: updateId, reason: 'x' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    ctx.clock.advance(MINUTE);
    await publishApproved(as('abel'), { approvalId: updateId });
    const seen = await getIncident(as('user-comms'), id);
    expect(seen.updates.map(({ id: own, author }) => [own, author])).toEqual([[updateId, 'kim']]);
  });
});
