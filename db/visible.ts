import { type SqlBool, sql } from 'kysely';
import type { Actor } from '#domain/permissions.ts';
import type { Tx } from './open.ts';

/**
 * Who reads. Of what is restricted, only a person who is among its viewers knows; everyone else, the machine itself and whoever is not
 * named (null) do not. Queries take null where nobody is given, so that what forgets to say who reads shows too little, never too much.
 */
export type Reader = Actor | null;

/** The one rule: whether this reader may know of the incident that stands under `alias`. */
export function mayKnow(reader: Reader, alias = 'incidents') {
  const open = sql`${column(alias, 'restricted')} = 0`;
  const viewer = isViewerOf(reader, alias);
  return viewer ? sql<SqlBool>`(${open} or ${viewer})` : sql<SqlBool>`(${open})`;
}

/**
 * Whether this reader may know of what was said or done inside at the time in column `at`: of an incident that was restricted and has been
 * published, what is from before stays with its viewers.
 */
export function mayKnowInside(reader: Reader, alias: string, at: string) {
  const since = column(alias, 'unsealed_at');
  const open = sql`${column(alias, 'restricted')} = 0 and (${since} is null or ${sql.ref(at)} >= ${since})`;
  const viewer = isViewerOf(reader, alias);
  return viewer ? sql<SqlBool>`((${open}) or ${viewer})` : sql<SqlBool>`(${open})`;
}

/** The same of a message, by the column that holds its seq: what went out about it before is as old as the message. */
export function mayKnowNotice(reader: Reader, noticeSeq: string) {
  return sql<SqlBool>`not exists (select 1 from notices as told join incidents as about on about.seq = told.incident_seq
    where told.seq = ${sql.ref(noticeSeq)} and not ${mayKnowInside(reader, 'about', 'told.created_at')})`;
}

/** The incidents that this reader may know of: where every query of incidents begins. */
export function visibleIncidents(tx: Tx, reader: Reader) {
  return tx.selectFrom('incidents').where(mayKnow(reader));
}

function isViewerOf(reader: Reader, alias: string) {
  if (reader?.kind !== 'user') return null;
  return sql<SqlBool>`exists (select 1 from incident_viewers as viewer
    where viewer.incident_seq = ${column(alias, 'seq')} and viewer.user_id = ${reader.id})`;
}

function column(alias: string, name: 'seq' | 'restricted' | 'unsealed_at') {
  return sql.ref(`${alias}.${name}`);
}
