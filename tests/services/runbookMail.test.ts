import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { DAY, HOUR, MINUTE } from '#domain/time.ts';
import { tellOverdueRunbooks } from '#services/runbookMail.ts';
import { listOverdueOwn, reviewRunbook, saveRunbook } from '#services/runbooks.ts';
import { disableUser, setRole } from '#services/users.ts';
import { eachDatabase } from '../support/databases.ts';
import { sealedHouse } from './sealedHouse.ts';

const runbook = (title: string, ownerId: string | null) => ({
  title,
  severities: [],
  componentId: null,
  ownerId,
  steps: [{ text: 'Look', link: null }],
});

eachDatabase('who keeps a runbook', (fresh) => {
  it('is mailed once a quarter of all that is overdue, in business hours, behind what is urgent', async () => {
    const { ctx, tell, mails } = await house(fresh);
    const [social] = [
      await saveRunbook(ctx, null, runbook('Social', 'kim')),
      await saveRunbook(ctx, null, runbook('Legal', 'kim')),
    ];
    // Friday 20 November 2026; its last day is Saturday 20 February 2027.
    ctx.clock.set('2027-02-19T12:00:00.000Z');
    expect(await tell()).toBe(0);
    ctx.clock.set('2027-02-21T12:00:00.000Z');
    expect(await tell()).toBe(0); // A Sunday.
    ctx.clock.set('2027-02-22T08:59:00.000Z');
    expect(await tell()).toBe(0);
    ctx.clock.advance(MINUTE);
    ctx.changes.length = 0;
    expect(await tell()).toBe(1);
    expect(ctx.changes).toEqual(['outbox']);
    const [mail, ...more] = await mails();
    expect(more).toEqual([]);
    expect(mail).toMatchObject({
      address: 'kim@example.com',
      subject: 'Review 2 runbooks that you keep',
      priority: 3,
      incident_seq: null,
    });
    expect(mail?.text).toMatch(/Legal: the review was due by 20 Feb 2027\.\s+Social: the review/);
    expect(mail?.text).toContain('https://status.example.com/admin/runbooks');
    expect(mail?.headers).not.toContain('Importance');

    for (let hour = 0; hour < 48; hour++) {
      ctx.clock.advance(HOUR);
      expect(await tell()).toBe(0);
    }
    // Reviewed: quiet. What stayed overdue is said again a quarter after the mail, not before.
    await reviewRunbook(ctx, { id: social, version: 1 });
    ctx.clock.set('2027-05-24T00:00:00.000Z');
    expect(await tell()).toBe(0);
    ctx.clock.set('2027-05-24T09:00:00.000Z');
    expect(await tell()).toBe(1);
    expect((await mails()).map(({ subject }) => subject)).toEqual([
      'Review 2 runbooks that you keep',
      'Review a runbook: Legal',
    ]);
  });

  it('is mailed when it is time, though a clock that had leapt ahead by a year mailed it then', async () => {
    const { ctx, tell, mails } = await house(fresh);
    await saveRunbook(ctx, null, runbook('Social', 'kim'));
    ctx.clock.set('2028-02-22T12:00:00.000Z');
    expect(await tell()).toBe(1);
    ctx.clock.set('2027-02-19T12:00:00.000Z');
    expect(await tell()).toBe(0);
    ctx.clock.set('2027-02-22T12:00:00.000Z');
    expect([await tell(), await tell()]).toEqual([1, 0]);
    expect(await mails()).toHaveLength(2);
  });

  it('is not mailed twice by two clocks at once', async () => {
    const { ctx, tell, mails } = await house(fresh);
    await saveRunbook(ctx, null, runbook('Social', 'kim'));
    ctx.clock.advance(115 * DAY);
    ctx.clock.set('2027-03-15T10:00:00.000Z');
    await Promise.all([tell(), tell(), tell()]);
    expect((await mails()).map(({ address }) => address)).toEqual(['kim@example.com']);
  });

  it('and what nobody keeps, or somebody who has left or may not any more, is for the owners: one mail, once a quarter', async () => {
    const { ctx, tell, mails, db } = await house(fresh);
    const legal = await saveRunbook(ctx, null, runbook('Legal', 'noor'));
    await saveRunbook(ctx, null, runbook('Nobody’s', null));
    await saveRunbook(ctx, null, runbook('Social', 'kim'));
    await saveRunbook(ctx, null, runbook('Support', 'user-comms'));
    await setRole(ctx.as('owner'), { userId: 'user-comms', role: 'viewer' });
    ctx.clock.set('2027-02-22T09:00:00.000Z');
    expect(await tell()).toBe(3);
    const addressed = async () =>
      (await mails()).map(({ address, subject }) => `${address.split('@')[0]}: ${subject}`).sort();
    const first = [
      'kim: Review a runbook: Social',
      'noor: Review a runbook: Legal',
      'user-owner: 2 runbooks have no keeper, and nobody reviewed them',
    ];
    expect(await addressed()).toEqual(first);
    const text = (await mails()).find(({ address }) => address === 'user-owner@example.com')?.text;
    expect(text).toMatch(/Nobody’s: the review was due[\s\S]*Support: the review was due/);
    expect((await listOverdueOwn(ctx.as('owner'))).map(({ title }) => title)).toEqual([
      'Nobody’s',
      'Support',
    ]);
    // Noor was told and leaves: a quarter later all three are said in one mail.
    await disableUser(ctx.as('owner'), 'noor');
    ctx.clock.set('2027-02-23T09:00:00.000Z');
    expect(await tell()).toBe(0);
    ctx.clock.set('2027-05-24T09:00:00.000Z');
    await tell();
    expect((await addressed()).filter((one) => one.startsWith('user-owner'))).toEqual([
      'user-owner: 2 runbooks have no keeper, and nobody reviewed them',
      'user-owner: 3 runbooks have no keeper, and nobody reviewed them',
    ]);
    // Whoever takes one over is told of it, though others were before.
    const at = await db.read((tx) =>
      tx.selectFrom('runbooks').select('version').where('id', '=', legal).executeTakeFirstOrThrow(),
    );
    await saveRunbook(ctx, { id: legal, version: at.version }, runbook('Legal', 'user-responder'));
    expect(await tell()).toBe(1);
    expect((await addressed()).filter((one) => one.startsWith('user-responder'))).toEqual([
      'user-responder: Review a runbook: Legal',
    ]);
  });
});

async function house(fresh: () => Promise<Db>) {
  const made = await sealedHouse(fresh);
  const { db, ctx } = made;
  const system = { ...ctx, actor: { kind: 'system' as const, name: 'clock' } };
  const mails = () =>
    db.read((tx) =>
      tx
        .selectFrom('notices as n')
        .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['r.address', 'n.subject', 'n.text', 'n.headers', 'n.incident_seq', 'd.priority'])
        .orderBy('d.seq')
        .execute(),
    );
  return { ...made, mails, tell: () => tellOverdueRunbooks(system) };
}
