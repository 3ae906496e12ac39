import type { Ctx } from '#db/context.ts';
import { currentPolicies } from '#db/policies.ts';
import { listTemplates } from '#db/templates.ts';
import { canBeAutomatic } from '#domain/automatic.ts';
import { requirePermission } from '#domain/permissions.ts';
import { SEVERITIES } from '#domain/severity.ts';
import { namesInWords } from '#domain/templates.ts';

const TEXTS = { initial: 'first word', holding: 'holding text' } as const;

/**
 * In the shape in which the admin's health is told (deliveryHealth.ts): where an approved text is to be posted when nobody speaks, and
 * there is none.
 */
export async function readAutomaticTrouble(
  ctx: Ctx,
): Promise<{ level: 'trouble'; message: string; fix: string; at: { href: string; label: string } }[]> {
  requirePermission(ctx.actor, 'delivery.read');
  return ctx.db.read(async (tx) => {
    const { policies } = await currentPolicies(tx);
    const severities = SEVERITIES.filter((severity) => policies[severity].postWhenLate);
    if (!severities.length) return [];
    const usable = (await listTemplates(tx)).filter((one) => one.approved && canBeAutomatic(one));
    const lacking = (['initial', 'holding'] as const).filter(
      (kind) => !usable.some((one) => one.kind === kind),
    );
    if (!lacking.length) return [];
    const what = namesInWords(lacking.map((kind) => `no approved ${TEXTS[kind]}`));
    return [
      {
        level: 'trouble',
        message: `When nobody speaks about a late ${namesInWords(severities)}, Foghorn is to post by itself, and there is ${what}: it will post nothing.`,
        fix: 'Approve a text that fits whatever is open, or let the policies no longer ask for it.',
        at: { href: '/admin/templates', label: 'Templates' },
      },
    ];
  });
}
