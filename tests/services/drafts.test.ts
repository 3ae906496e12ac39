import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import type { Actor } from '#domain/permissions.ts';
import { DAY, MINUTE } from '#domain/time.ts';
import { discardDraft, draftInput, loadDraft, saveDraft } from '#services/drafts.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

/** Two people of this installation, at one clock. */
async function twoPeople(db: Db) {
  const people = ['Mia', 'Noor'].map((name) => ({
    kind: 'user' as const,
    id: `user-${name}`,
    name,
    email: `${name.toLowerCase()}@example.com`,
    role: 'comms' as const,
  }));
  await db.write(async (tx) => {
    for (const { kind: _, ...person } of people)
      await tx
        .insertInto('users')
        .values({ ...person, password_hash: 'none', created_at: '2026-01-01T00:00:00.000Z' })
        .execute();
  });
  const mia = testContext(db, { actor: people[0] as Actor });
  const noor = testContext(db, { actor: people[1] as Actor, clock: mia.clock });
  return { mia, noor, clock: mia.clock };
}

eachDatabase('drafts', (fresh) => {
  it('keeps the newest of what a person typed, a subject at a time', async () => {
    const { mia, clock } = await twoPeople(await fresh());
    await saveDraft(mia, { subject: 'abc', fields: { body: 'Card pay' } });
    clock.advance(1000);
    await saveDraft(mia, { subject: 'abc', fields: { body: 'Card payments fail', status: 'identified' } });
    await saveDraft(mia, { subject: 'new', fields: { title: 'x' } });
    const { own, others } = await loadDraft(mia, 'abc');
    expect(own).toEqual({
      fields: { body: 'Card payments fail', status: 'identified' },
      updatedAt: clock.now(),
    });
    expect(others).toEqual([]);
  });

  it('shows who else is drafting while they are at it, and never mixes the texts', async () => {
    const { mia, noor, clock } = await twoPeople(await fresh());
    await saveDraft(noor, { subject: 'abc', fields: { body: 'Hers' } });
    const at = clock.now();
    clock.advance(2 * MINUTE - 1);
    expect(await loadDraft(mia, 'abc')).toEqual({
      own: null,
      others: [{ name: 'Noor', updatedAt: at, body: 'Hers', drafting: true }],
    });
    clock.advance(1);
    expect((await loadDraft(mia, 'abc')).others).toMatchObject([{ name: 'Noor', drafting: false }]);
    clock.advance(DAY);
    expect((await loadDraft(mia, 'abc')).others).toEqual([]);
    // Hers is still kept for herself.
    expect((await loadDraft(noor, 'abc')).own?.fields).toEqual({ body: 'Hers' });
    expect((await loadDraft(mia, 'other')).others).toEqual([]);
  });

  it('forgets a draft that was posted, and only that one', async () => {
    const { mia, noor } = await twoPeople(await fresh());
    await saveDraft(mia, { subject: 'abc', fields: { body: 'Mine' } });
    await saveDraft(noor, { subject: 'abc', fields: { body: 'Hers' } });
    await discardDraft(mia, 'abc');
    expect((await loadDraft(mia, 'abc')).own).toBeNull();
    expect((await loadDraft(noor, 'abc')).own).not.toBeNull();
  });

  it('refuses what no form holds, from whichever page it comes', async () => {
    const { mia } = await twoPeople(await fresh());
    const fields = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`component:${i}`, 'x']));
    await expect(saveDraft(mia, { subject: 'abc', fields })).rejects.toMatchObject({ code: 'invalid' });
    expect((await loadDraft(mia, 'abc')).own).toBeNull();
  });

  it('is for those who may draft', async () => {
    const ctx = testContext(await fresh()).as('viewer');
    await expect(saveDraft(ctx, { subject: 'abc', fields: {} })).rejects.toMatchObject({ code: 'forbidden' });
    expect(await loadDraft(ctx, 'abc')).toEqual({ own: null, others: [] });
  });
});

it('takes a form of bounded size about a subject that can be one', () => {
  const takes = (input: unknown) => draftInput.safeParse(input).success;
  expect(takes({ subject: 'k3v9q0x2m7ab', fields: { body: 'a\u0000b' } })).toBe(true);
  expect(takes({ subject: '../x', fields: {} })).toBe(false);
  expect(takes({ subject: 'abc', fields: { body: 'x'.repeat(20_001) } })).toBe(false);
  expect(
    takes({
      subject: 'abc',
      fields: Object.fromEntries(Array.from({ length: 14 }, (_, i) => [i, 'é'.repeat(20_000)])),
    }),
  ).toBe(false);
  expect(
    takes({ subject: 'abc', fields: Object.fromEntries(Array.from({ length: 2_101 }, (_, i) => [i, ''])) }),
  ).toBe(false);
  expect(takes({ subject: 'abc', fields: { body: 1 } })).toBe(false);
});
