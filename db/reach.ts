import { sql } from 'kysely';
import type { Mode } from '#domain/subscriberPace.ts';
import type { FanoutFilter } from './fanouts.ts';
import type { Tx } from './open.ts';

/**
 * How many people a fan-out with this filter would be expanded to now, but for those who must have been told before. Those who follow
 * the whole page are counted in recipients_whole, a million in some milliseconds: others wait for the writer meanwhile.
 */
export async function countReach(tx: Tx, filter: FanoutFilter): Promise<number> {
  if (filter.people) return filter.people.length;
  if (filter.scopedOnly) return countScoped(tx, filter, filter.beside);
  const whole = await tx
    .selectFrom('recipients')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    // Literals, so that the partial index serves.
    .where('kind', '=', sql.lit('subscriber'))
    .where('state', '=', sql.lit('confirmed'))
    .where('whole_page', '=', sql.lit(1))
    .$if(filter.modes !== undefined, (query) => query.where('mode', 'in', filter.modes as Mode[]))
    .$if(filter.hourBefore === true, (query) => query.where('hour_before', '=', 1))
    .executeTakeFirstOrThrow();
  return Number(whole.count) + (await countScoped(tx, filter));
}

/** How many of them follow only what it names, but for whoever got one of the messages `beside` (seqs of notices). */
export async function countScoped(
  tx: Tx,
  {
    components,
    groups,
    modes,
    hourBefore,
  }: Pick<FanoutFilter, 'components' | 'groups' | 'modes' | 'hourBefore'>,
  beside: readonly number[] = [],
): Promise<number> {
  if (!components.length && !groups.length) return 0;
  const { count } = await tx
    .selectFrom('recipient_scopes as scope')
    .innerJoin('recipients as r', 'r.seq', 'scope.recipient_seq')
    .select((eb) => eb.fn.count<number>('r.seq').distinct().as('count'))
    .where((eb) =>
      eb.or([
        ...(components.length
          ? [eb.and([eb('scope.kind', '=', 'component'), eb('scope.ref_id', 'in', components)])]
          : []),
        ...(groups.length
          ? [eb.and([eb('scope.kind', '=', 'group'), eb('scope.ref_id', 'in', groups)])]
          : []),
      ]),
    )
    .where('r.kind', '=', 'subscriber')
    .where('r.state', '=', 'confirmed')
    .where('r.whole_page', '=', 0)
    .$if(modes !== undefined, (query) => query.where('r.mode', 'in', modes as Mode[]))
    .$if(hourBefore === true, (query) => query.where('r.hour_before', '=', 1))
    .$if(beside.length > 0, (query) =>
      query.where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('deliveries as h')
              .select(sql.lit(1).as('one'))
              .whereRef('h.recipient_seq', '=', 'r.seq')
              .where('h.notice_seq', 'in', beside),
          ),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  return Number(count);
}
