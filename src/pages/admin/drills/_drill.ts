import { z } from 'zod';
import type { Ctx } from '#db/context.ts';
import { DRILL_ROLES, type DrillRoles } from '#domain/drills.ts';
import { keptPercent } from '#domain/keptWord.ts';
import { SEVERITIES } from '#domain/severity.ts';
import { singleLine } from '#domain/text.ts';
import { type DrillView, suggestDrillRoles } from '#services/drillReviews.ts';

export const drillSchema = z.object({
  title: singleLine(140, 'The title'),
  severity: z.enum(SEVERITIES, { error: 'Choose a severity.' }),
});

/** Of a role that nobody chose for: whoever's turn it is. */
export const IN_TURN = 'turn';

/** What the form says of each role: a person, '' for nobody, or IN_TURN. Without an answer it is IN_TURN. */
export function typedRoles(form: FormData): Record<string, string> {
  return Object.fromEntries(
    DRILL_ROLES.map((role) => {
      const value = form.get(`role.${role}`);
      return [role, typeof value === 'string' ? value : IN_TURN];
    }),
  );
}

/** Who has which role in the end. */
export async function chosenRoles(
  ctx: Ctx,
  typed: Record<string, string>,
  participants: readonly string[],
): Promise<DrillRoles> {
  const turns = await suggestDrillRoles(ctx, participants);
  const roles: DrillRoles = {};
  for (const role of DRILL_ROLES) {
    const chosen = typed[role] === IN_TURN ? turns[role] : typed[role];
    if (chosen) roles[role] = chosen;
  }
  return roles;
}

/** "100% on time (3 of 3)". */
export function keptWords({ kept }: Pick<DrillView, 'kept'>): string {
  if (!kept?.counted) return 'No update was due';
  return `${keptPercent(kept)} on time (${kept.onTime} of ${kept.counted})`;
}
