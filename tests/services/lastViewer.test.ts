import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { MINUTE } from '#domain/time.ts';
import { askAllApprovers } from '#services/approvals.ts';
import { getIncident } from '#services/incidents.ts';
import { addViewer, joinSealed, listSealed, removeViewer } from '#services/restricted.ts';
import { callStaff } from '#services/staffCalls.ts';
import { disableUser } from '#services/users.ts';
import { eachDatabase } from '../support/databases.ts';
import { sealedHouse } from './sealedHouse.ts';

eachDatabase('a restricted incident that its viewers leave', (fresh) => {
  const house = async () => {
    const one = await sealedHouse(fresh as () => Promise<Db>);
    const { db, ctx } = one;
    await db.write((tx) =>
      tx
        .insertInto('users')
        .values({
          id: 'olga',
          email: 'olga@example.com',
          name: 'olga',
          role: 'owner',
          password_hash: 'x',
          created_at: '2026-01-01T00:00:00.000Z',
          disabled_at: null,
        })
        .execute(),
    );
    /** The clock of so many minutes, one at a time. */
    const pass = async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute++) {
        ctx.clock.advance(MINUTE);
        await callStaff(ctx);
        await askAllApprovers(ctx);
      }
    };
    const texts = () =>
      db.read((tx) => tx.selectFrom('notices').select(['html', 'text', 'subject']).execute());
    return { ...one, owner: one.as('user-owner'), pass, texts };
  };

  it('is not left by the last of them without a word: the owner is warned, and all owners are mailed', async () => {
    const { as, seal, owner, mails, texts } = await house();
    const { id } = await seal();
    await disableUser(owner, 'sela');
    const before = await mails();
    await expect(disableUser(owner, 'noor')).rejects.toMatchObject({
      code: 'conflict',
      problems: [{ field: 'anyway', message: expect.stringContaining('noor') }],
    });
    expect(await mails()).toEqual(before);
    await disableUser(owner, 'noor', { anyway: true });
    expect((await mails()).slice(before.length)).toEqual([
      '14:00 olga, user-owner: [SEV1] Nobody is left who sees a restricted incident',
    ]);
    const said = JSON.stringify(await texts());
    expect(said).not.toContain('A key lay open');
    expect(said).not.toContain('Checkout');
    expect(said).toContain('https://status.example.com/admin/settings/restricted');
    expect((await listSealed(owner)).map((one) => one.id)).toEqual([id]);
    // Once is enough, also where the button is pressed twice.
    await disableUser(owner, 'noor', { anyway: true });
    expect(await mails()).toHaveLength(before.length + 1);
    await expect(getIncident(as('user-owner'), id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('says nothing where somebody else sees it, or it is published', async () => {
    const { as, seal, owner, mails, db } = await house();
    const { id } = await seal();
    await addViewer(as('sela'), { incidentId: id, userId: 'kim' });
    const before = (await mails()).length;
    await disableUser(owner, 'noor');
    await disableUser(owner, 'sela');
    await db.write((tx) => tx.updateTable('incidents').set({ restricted: 0 }).where('id', '=', id).execute());
    await disableUser(owner, 'kim');
    expect(await mails()).toHaveLength(before);
  });

  it('calls the owners when it is late, until one of them sees it, and tells them nothing of it', async () => {
    const { seal, owner, mails, pass, texts } = await house();
    const { id } = await seal();
    await disableUser(owner, 'sela');
    await disableUser(owner, 'noor', { anyway: true });
    const before = (await mails()).length;
    await pass(36);
    expect((await mails()).slice(before)).toEqual(
      ['14:15', '14:30'].map(
        (at) => `${at} olga, user-owner: [SEV1] Nobody is left who sees a restricted incident`,
      ),
    );
    expect(JSON.stringify(await texts())).not.toMatch(/A key lay open|Checkout/);
    expect((await texts()).at(-1)?.text.replace(/\s+/g, ' ')).toContain(
      'Its next internal update was due at 14:15 UTC',
    );
    await joinSealed(owner, { incidentId: id, reason: 'Nobody was left.' });
    const joined = (await mails()).length;
    await pass(20);
    const after = (await mails()).slice(joined);
    expect(after.length).toBeGreaterThan(0);
    for (const mail of after) expect(mail).toMatch(/^\d\d:\d\d user-owner: \[SEV1\] (?!Nobody is left)/);
  });

  it('whose update waits is asked about though its author sees it no more', async () => {
    const { as, seal, write, mails, pass } = await house();
    const { id } = await seal({ viewers: ['noor', 'kim'] });
    await write('kim', id, { body: 'A key lay open; it is changed.' });
    await removeViewer(as('noor'), { incidentId: id, userId: 'kim' });
    await pass(31);
    expect((await mails()).filter((mail) => mail.includes('approve an update'))).toEqual(
      ['14:15', '14:30'].map(
        (at) => `${at} noor: [SEV1] Still waiting: approve an update: a restricted incident`,
      ),
    );
  });
});
