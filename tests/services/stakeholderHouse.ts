import type { Db } from '#db/open.ts';
import { createAccount } from '#services/accounts.ts';
import { addMember, ensureAudiences, getAudience, saveAudience } from '#services/audiences.ts';
import { outgoingHouse } from './outgoingHouse.ts';

/** A house with someone in each audience, and two accounts: Acme uses Checkout and is Mia's, Globex uses Cart and is Jonas's. */
export async function stakeholderHouse(
  fresh: () => Promise<Db>,
  options: Parameters<typeof outgoingHouse>[1] = {},
) {
  const house = await outgoingHouse(fresh, { people: 1, batchSize: 50, ...options });
  const { db, ctx, checkout, cart, wire } = house;
  await ensureAudiences(ctx);
  const add = (group: string, name: string) =>
    addMember(ctx, group, { address: `${name}@example.com`, name: name[0]?.toUpperCase() + name.slice(1) });
  await add('executives', 'eva');
  await add('managers', 'max');
  await add('support', 'sue');
  await db.write(async (tx) => {
    for (const name of ['mia', 'jonas'])
      await tx
        .insertInto('users')
        .values({
          id: name,
          email: `${name}@harbour.example`,
          name: name === 'mia' ? 'Mia Berg' : 'Jonas Ek',
          role: 'comms',
          password_hash: 'x',
          created_at: '2026-01-01T00:00:00.000Z',
          disabled_at: null,
        })
        .execute();
  });
  const acme = await createAccount(ctx, { name: 'Acme', contactId: 'mia', components: [checkout.id] });
  const globex = await createAccount(ctx, { name: 'Globex', contactId: 'jonas', components: [cart.id] });
  await add(acme, 'ann');
  await add(globex, 'gus');
  const change = async (id: string, changes: Partial<Parameters<typeof saveAudience>[2]>) =>
    saveAudience(ctx, id, { ...(await getAudience(ctx, id)).audience, ...changes });
  let seen = 0;
  /** Everything that left since it was last asked, but to subscribers: "eva, max: [SEV1, Declared] …". */
  const told = async () => {
    await house.release();
    await house.drain();
    const mails = wire.taken.slice(seen);
    seen = wire.taken.length;
    const own = mails.filter(({ to }) => !house.addresses.includes(to));
    return [...Map.groupBy(own, ({ subject }) => subject)]
      .map(
        ([subject, all]) =>
          `${all
            .map(({ to }) => to.split('@')[0])
            .sort()
            .join(', ')}: ${subject}`,
      )
      .sort();
  };
  const last = (name: string) => house.heard(`${name}@example.com`).at(-1)!;
  return { ...house, acme, globex, add, change, told, last };
}
