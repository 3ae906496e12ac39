import { type Expression, type ExpressionBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { SeqRange } from './coalesce.ts';
import { wholeNumbers } from './dialect.ts';
import { hasText, listTextsTelling, type Texts } from './digestTexts.ts';
import type { FanoutFilter } from './fanouts.ts';
import type { Tx } from './open.ts';
import type { Schema } from './schema.ts';
import { TOLD_ELSEWHERE } from './toldElsewhere.ts';
import { MAY_HAVE_IT, type Mends, type Unfinished } from './unfinished.ts';

/** Recipients `r`, not yet with what is wanted of them. */
export type Chosen = SelectQueryBuilder<Schema & { r: Schema['recipients'] }, 'r', object>;

/** Whom a fan-out concerns in a range and, if given, `also` too. */
export async function concernedBy(
  tx: Tx,
  fanout: Unfinished,
  { after, to }: SeqRange,
  now: Instant,
  also?: Unfinished,
): Promise<Chosen> {
  const texts = await quickerDigests(tx, fanout);
  return tx
    .selectFrom('recipients as r')
    .where('r.seq', '>', after)
    .where('r.seq', '<=', to)
    .where('r.confirmed_at', '<=', fanout.confirmedBy)
    .$if(texts !== null, (query) => query.where((eb) => eb.not(hasText(texts as Texts))))
    .where((eb) => isConcerned(eb, fanout.filter))
    .$if(also !== undefined, (query) =>
      query
        .where('r.confirmed_at', '<=', (also as Unfinished).confirmedBy)
        .where((eb) => isConcerned(eb, (also as Unfinished).filter, fanout.releaseAt <= now)),
    );
}

/** The texts of digests that say the same words, written before this mail was released: who goes by the policy may be told by either. */
async function quickerDigests(tx: Tx, { updateSeq, to, createdAt }: Unfinished): Promise<Texts | null> {
  if (updateSeq === null || to !== 'subscribers') return null;
  return listTextsTelling(tx, { updateSeq, writtenFrom: createdAt });
}

/** Those in a range who were handed a wrong text: subscribers and participants of drills. */
export function wronged(tx: Tx, { bases, contents }: Mends, { after, to }: SeqRange): Chosen {
  return tx
    .selectFrom('recipients as r')
    .where('r.seq', '>', after)
    .where('r.seq', '<=', to)
    .where('r.kind', 'in', ['subscriber', 'staff'])
    .where('r.state', '=', 'confirmed')
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('deliveries as o')
          .select(sql.lit(1).as('one'))
          .whereRef('o.recipient_seq', '=', 'r.seq')
          .where(sql<boolean>`o.notice_seq in (${wholeNumbers(bases)})`)
          .where(sql<boolean>`coalesce(o.content_seq, o.notice_seq) in (${wholeNumbers(contents)})`)
          .where('o.state', 'in', MAY_HAVE_IT),
      ),
    );
}

/** @param anyway those who are only told if they were told before count as such: they are being told now */
function isConcerned(
  eb: ExpressionBuilder<Schema & { r: Schema['recipients'] }, 'r'>,
  filter: FanoutFilter,
  anyway = false,
): Expression<SqlBool> {
  if (filter.people)
    return eb.and([
      eb('r.kind', 'in', ['stakeholder', 'staff']),
      eb('r.state', '=', 'confirmed'),
      sql<SqlBool>`r.seq in (${wholeNumbers(filter.people)})`,
    ]);
  const named = (kind: 'component' | 'group', ids: readonly string[]) =>
    ids.length
      ? [
          eb.exists(
            eb
              .selectFrom('recipient_scopes as scope')
              .select(sql.lit(1).as('one'))
              .whereRef('scope.recipient_seq', '=', 'r.seq')
              .where('scope.kind', '=', kind)
              .where('scope.ref_id', 'in', ids),
          ),
        ]
      : [];
  const {
    modes,
    toldModes = [],
    toldBy = [],
    toldOf,
    beside = [],
    scopedOnly = false,
    hourBefore = false,
  } = filter;
  const has = (noticeSeqs: readonly number[], isHeard = false) =>
    eb.exists(
      eb
        .selectFrom('deliveries as h')
        .select(sql.lit(1).as('one'))
        .whereRef('h.recipient_seq', '=', 'r.seq')
        .where('h.notice_seq', 'in', noticeSeqs)
        .$if(isHeard, (query) =>
          // Whoever heard it as one of an audience heard it, too.
          query.where((of) =>
            of.or([
              of('h.state', 'in', ['queued', ...MAY_HAVE_IT]),
              of.and([of('h.state', '=', 'superseded'), of('h.reason', '=', TOLD_ELSEWHERE)]),
            ]),
          ),
        ),
    );
  const told = anyway ? [] : [toldBy.length ? has(toldBy, true) : sql<SqlBool>`1 = 0`];
  return eb.and([
    eb('r.kind', '=', 'subscriber'),
    eb('r.state', '=', 'confirmed'),
    ...(modes
      ? [
          eb.or([
            ...(modes.length ? [eb('r.mode', 'in', modes)] : []),
            ...(toldModes.length ? [eb.and([eb('r.mode', 'in', toldModes), ...told])] : []),
          ]),
        ]
      : []),
    ...(beside.length ? [eb.not(has(beside))] : []),
    ...(scopedOnly ? [eb('r.whole_page', '=', 0)] : []),
    ...(hourBefore ? [eb('r.hour_before', '=', 1)] : []),
    eb.or([
      ...(scopedOnly ? [] : [eb('r.whole_page', '=', 1)]),
      ...named('component', filter.components),
      ...named('group', filter.groups),
      ...(toldOf
        ? [
            eb.and([
              eb.or([...named('component', toldOf.components), ...named('group', toldOf.groups)]),
              ...told,
            ]),
          ]
        : []),
    ]),
  ]);
}
