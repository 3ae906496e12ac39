import { listAccounts } from '#db/accounts.ts';
import { type AudienceMember, listAudiences, listMembersOf } from '#db/audiences.ts';
import { listComingShifts } from '#db/comingShifts.ts';
import type { Ctx } from '#db/context.ts';
import { getOnDuty } from '#db/duty.ts';
import { getPage } from '#db/page.ts';
import { listPlaces } from '#db/places.ts';
import { currentPolicies } from '#db/policies.ts';
import { listRunbooks } from '#db/runbooks.ts';
import { listTemplates } from '#db/templates.ts';
import { listUsers } from '#db/users.ts';
import { CHANNEL_LABELS } from '#domain/hooks.ts';
import { CALLED_FOR_WORDS } from '#domain/paging.ts';
import { requirePermission } from '#domain/permissions.ts';
import { SEVERITIES } from '#domain/severity.ts';
import { type ExportFile, privateExportFiles } from '#formats/privateExport.ts';
import { shownPlace } from './shownAddress.ts';

export type { ExportFile } from '#formats/privateExport.ts';

/**
 * What a team needs on the day when everything is down, as plain files: runbooks, contacts, wording, policies. Nothing of any incident is
 * in it. It holds names and addresses; of a chat only enough to know which it is.
 */
export async function readPrivateExport(ctx: Ctx): Promise<ExportFile[]> {
  requirePermission(ctx.actor, 'user.write');
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const users = (await listUsers(tx)).filter(({ disabledAt }) => disabledAt === null);
    const duty = await getOnDuty(tx, now);
    const dutyOf = (id: string) =>
      (['primary', 'second', 'manager'] as const).filter((role) => duty[role]?.userId === id);
    const personOf = (id: string | null) => users.find((user) => user.id === id) ?? null;
    const audiences = await listAudiences(tx);
    const accounts = await listAccounts(tx);
    const members = Map.groupBy(
      await listMembersOf(
        tx,
        [...audiences, ...accounts].map(({ id }) => id),
      ),
      ({ audienceId }) => audienceId,
    );
    const { policies, hours } = await currentPolicies(tx);
    return privateExportFiles({
      page: { name: page.name, url: ctx.site.url, zone: page.timeZone },
      now,
      runbooks: await listRunbooks(tx),
      templates: await listTemplates(tx),
      policies,
      hours,
      staff: users.map(({ id, name, email, role, approver }) => ({
        name,
        email,
        role,
        approver,
        onDuty: dutyOf(id),
      })),
      shifts: (await listComingShifts(tx, now)).map(
        ({ startsAt, endsAt, primaryId, secondId, managerId }) => ({
          startsAt,
          endsAt,
          people: [personOf(primaryId), personOf(secondId), personOf(managerId)],
        }),
      ),
      places: (await listPlaces(tx)).map(({ name, channel, severities, calls, owner }) => ({
        name,
        what: CHANNEL_LABELS[channel],
        severities,
        calls: CALLED_FOR_WORDS[calls].label,
        owner,
      })),
      audiences: audiences.map(({ id, name, kind, severities }) => ({
        name,
        kind,
        told:
          severities ??
          SEVERITIES.filter((one) => (policies[one].audiences as readonly string[]).includes(id)),
        members: (members.get(id) ?? []).map(shown),
      })),
      accounts: accounts.map(({ id, name, contact, components }) => ({
        name,
        contact: contact && { name: contact.name, email: contact.address },
        components: components.map((component) => component.name),
        members: (members.get(id) ?? []).map(shown),
      })),
    });
  });
}

function shown({ name, channel, address }: AudienceMember) {
  return { name, channel, address: shownPlace({ channel, address }) };
}
