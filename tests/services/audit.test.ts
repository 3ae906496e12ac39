import { afterEach, expect, it, vi } from 'vitest';
import { insertAudit } from '#db/audit.ts';
import { ROLES } from '#domain/permissions.ts';
import { readAudit } from '#services/audit.ts';
import { addUser, visitorContext } from '../auth/fixtures.ts';
import { eachDatabase } from '../support/databases.ts';

afterEach(() => void vi.useRealTimers());

eachDatabase('the audit', (fresh) => {
  it('is read in pages that new rows do not shift, each row once, the newest first', async () => {
    const ctx = visitorContext(await fresh());
    const owner = await addUser(ctx, 'owner');
    const add = (id: string) =>
      ctx.db.write((tx) =>
        insertAudit(tx, owner.ctx, { action: 'test.deed', subjectKind: 'test', subjectId: id }),
      );
    for (let count = 0; count < 250; count++) await add(`${count}`);
    const seen: string[] = [];
    let before: number | null = null;
    do {
      const page = await readAudit(owner.ctx, before);
      seen.push(...page.rows.filter((row) => row.subjectKind === 'test').map((row) => row.subjectId));
      before = page.older;
      await add('late');
    } while (before !== null);
    expect(seen).toEqual(Array.from({ length: 250 }, (_, count) => `${249 - count}`));
  });

  it('names the users it is about', async () => {
    const ctx = visitorContext(await fresh());
    const owner = await addUser(ctx, 'owner');
    const { rows, older } = await readAudit(owner.ctx, null);
    expect(rows[0]).toMatchObject({
      action: 'user.create',
      subjectId: owner.id,
      subjectName: 'owner person',
    });
    expect(older).toBeNull();
  });

  it('is for owners alone', async () => {
    const ctx = visitorContext(await fresh());
    for (const role of ROLES.filter((name) => name !== 'owner'))
      await expect(readAudit((await addUser(ctx, role)).ctx, null)).rejects.toMatchObject({
        code: 'forbidden',
      });
    await expect(readAudit(ctx, null)).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});
