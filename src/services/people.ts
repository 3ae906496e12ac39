import type { Ctx } from '#db/context.ts';
import { listUsers } from '#db/users.ts';
import { may } from '#domain/permissions.ts';

export type Person = { id: string; name: string };

/** Who can be given a part in an incident: everyone who can sign in. Nobody, for those who may not give parts. */
export async function listPeople(ctx: Ctx): Promise<Person[]> {
  if (!may(ctx.actor, 'incident.roles')) return [];
  const users = await ctx.db.read(listUsers);
  return users
    .filter(({ disabledAt, hasPassword }) => disabledAt === null && hasPassword)
    .map(({ id, name }) => ({ id, name }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
