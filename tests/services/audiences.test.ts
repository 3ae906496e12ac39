import { expect, it } from 'vitest';
import { factsFor } from '#domain/stakeholders.ts';
import {
  addMember,
  ensureAudiences,
  getAudience,
  listAudiences,
  memberInput,
  removeMember,
  saveAudience,
} from '#services/audiences.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

const BOARD = {
  name: 'Board',
  kind: 'inside' as const,
  severities: null,
  intro: null,
  facts: factsFor('inside'),
};

eachDatabase('audiences', (fresh) => {
  it('are the four of the policy table, made once', async () => {
    const ctx = testContext(await fresh());
    await ensureAudiences(ctx);
    await saveAudience(ctx, 'executives', { ...BOARD, severities: ['SEV2', 'SEV1'] });
    await ensureAudiences(ctx);
    expect((await listAudiences(ctx)).map(({ name, told, people }) => [name, told, people])).toEqual([
      ['Board', ['SEV1', 'SEV2'], 0],
      ['Managers', ['SEV1', 'SEV2'], 0],
      ['Support', ['SEV1', 'SEV2', 'SEV3'], 0],
      ['Enterprise accounts', ['SEV1', 'SEV2'], 0],
    ]);
  });

  it('take people in, once each, and let them go and come back', async () => {
    const ctx = testContext(await fresh());
    await ensureAudiences(ctx);
    const address = memberInput.parse({ address: ' Mia@Example.com ', name: '' });
    await addMember(ctx, 'support', address);
    await addMember(ctx, 'support', { ...address, name: 'Mia' });
    await addMember(ctx, 'managers', address);
    const { members } = await getAudience(ctx, 'support');
    expect(members.map(({ address, name }) => [address, name])).toEqual([['mia@example.com', 'Mia']]);
    await removeMember(ctx, 'support', members[0]!.id);
    expect((await getAudience(ctx, 'support')).members).toEqual([]);
    expect((await getAudience(ctx, 'managers')).members).toHaveLength(1);
    await addMember(ctx, 'support', address);
    expect((await listAudiences(ctx)).map(({ id, people }) => [id, people])).toContainEqual(['support', 1]);
  });

  it('say what is wrong with what is not there', async () => {
    const ctx = testContext(await fresh());
    await ensureAudiences(ctx);
    for (const attempt of [
      () => getAudience(ctx, 'board'),
      () => addMember(ctx, 'board', { address: 'a@example.com', name: null }),
      () => removeMember(ctx, 'support', 'nobody'),
      () => saveAudience(ctx, 'board', BOARD),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    expect(memberInput.safeParse({ address: 'mia', name: '' }).error?.issues[0]?.message).toContain(
      'mia@example.com',
    );
  });
});
