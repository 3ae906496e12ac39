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

/** How many subscribers there are by now whom this filter, of those who follow a component alone, concerns. Uses recipient_scopes_ref. */
export async function countNamed(tx: Tx, filter: FanoutFilter): Promise<number> {
  const { components, groups } = filter;
  if (!components.length && !groups.length) return 0;
  const { count } = await tx
    .selectFrom('recipients as r')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where((eb) =>
      eb(
        'r.seq',
        'in',
        eb
          .selectFrom('recipient_scopes as s')
          .select('s.recipient_seq')
          .where((of) =>
            of.or([
              ...(components.length
                ? [of.and([of('s.kind', '=', 'component'), of('s.ref_id', 'in', components)])]
                : []),
              ...(groups.length ? [of.and([of('s.kind', '=', 'group'), of('s.ref_id', 'in', groups)])] : []),
            ]),
          ),
      ),
    )
    .where((eb) => isConcerned(eb, filter))
    .executeTakeFirstOrThrow();
  return Number(count);
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
    spared = [],
    noLonger,
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
  /** Whether they got one of these, or get it, and not that it is not theirs since. */
  const stands = (noticeSeqs: readonly number[], isTold: boolean) =>
    eb.exists(
      eb
        .selectFrom('deliveries as h')
        .innerJoin('notices as hn', 'hn.seq', 'h.notice_seq')
        .select(sql.lit(1).as('one'))
        .whereRef('h.recipient_seq', '=', 'r.seq')
        .where('h.notice_seq', 'in', noticeSeqs)
        .$if(isTold, (query) =>
          query.where((of) =>
            of.or([
              of('h.state', 'in', MAY_HAVE_IT),
              // What waits behind a stop may never come.
              of.and([
                of('h.state', '=', 'queued'),
                of('hn.stopped_at', 'is', null),
                of('hn.dropped_at', 'is', null),
              ]),
            ]),
          ),
        )
        .$if(spared.length > 0, (query) =>
          query.where((of) =>
            of.not(
              of.exists(
                of
                  .selectFrom('deliveries as p')
                  .select(sql.lit(1).as('one'))
                  .whereRef('p.recipient_seq', '=', 'r.seq')
                  .where('p.notice_seq', 'in', spared)
                  .whereRef('p.notice_seq', '>', 'h.notice_seq')
                  .where('p.state', 'in', ['queued', ...MAY_HAVE_IT]),
              ),
            ),
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
    ...(beside.length ? [eb.not(spared.length ? stands(beside, false) : has(beside))] : []),
    ...(noLonger
      ? [
          eb('r.channel', '=', 'email'),
          toldBy.length ? stands(toldBy, true) : sql<SqlBool>`1 = 0`,
          ...[...named('component', noLonger.not.components), ...named('group', noLonger.not.groups)].map(
            (follows) => eb.not(follows),
          ),
        ]
      : []),
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
