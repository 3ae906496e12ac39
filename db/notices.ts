import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { NoticesTable } from './schema.ts';

export type NoticeKind = NoticesTable['kind'];

/** One rendered message as it is kept: its personal links are still slots. It never changes once it is written. */
export type Notice = {
  seq: number;
  id: string;
  kind: NoticeKind;
  incidentSeq: number | null;
  updateSeq: number | null;
  priority: number;
  subject: string;
  html: string;
  text: string;
  headers: Record<string, string>;
  createdAt: Instant;
  /** What webhooks and chats are told of it (`HookPayload` as JSON); null when they are not. */
  payload: string | null;
  /** Its subject and texts in other languages, by locale. */
  translations: ReadonlyMap<string, Translation>;
};

export type Translation = Pick<Notice, 'subject' | 'html' | 'text'>;

/**
 * Keeps a rendered message. `priority` is one of `PRIORITY`.
 * @returns its seq
 */
export async function insertNotice(
  tx: Tx,
  notice: {
    id: string;
    kind: NoticeKind;
    incidentSeq: number | null;
    updateSeq: number | null;
    priority: number;
    rendered: Translation & {
      headers: Record<string, string>;
      translations?: Readonly<Record<string, Translation>>;
    };
    payload?: string | null;
    /** That some get it in another notice's place: which, since which update they missed what, and what is left out all the same. */
    variant?: { of: number; sinceUpdateSeq: number | null; omits: readonly number[] };
    now: Instant;
  },
): Promise<number> {
  const { seq } = await tx
    .insertInto('notices')
    .values({
      id: notice.id,
      kind: notice.kind,
      incident_seq: notice.incidentSeq,
      update_seq: notice.updateSeq,
      priority: notice.priority,
      subject: notice.rendered.subject,
      html: notice.rendered.html,
      text: notice.rendered.text,
      headers: JSON.stringify(notice.rendered.headers),
      created_at: notice.now,
      payload: notice.payload ?? null,
      ...(notice.variant && {
        variant_of: notice.variant.of,
        since_update_seq: notice.variant.sinceUpdateSeq,
        omits: notice.variant.omits.length ? JSON.stringify(notice.variant.omits) : null,
      }),
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  const translations = Object.entries(notice.rendered.translations ?? {});
  if (translations.length)
    await tx
      .insertInto('notice_texts')
      .values(translations.map(([locale, words]) => ({ notice_seq: seq, locale, ...words })))
      .execute();
  return seq;
}

export async function listNotices(tx: Tx, seqs: readonly number[]): Promise<Notice[]> {
  if (!seqs.length) return [];
  const rows = await tx.selectFrom('notices').selectAll().where('seq', 'in', seqs).execute();
  const texts = await tx.selectFrom('notice_texts').selectAll().where('notice_seq', 'in', seqs).execute();
  const byNotice = Map.groupBy(texts, (row) => row.notice_seq);
  return rows.map((row) => ({
    seq: row.seq,
    id: row.id,
    kind: row.kind,
    incidentSeq: row.incident_seq,
    updateSeq: row.update_seq,
    priority: row.priority,
    subject: row.subject,
    html: row.html,
    text: row.text,
    headers: JSON.parse(row.headers),
    createdAt: row.created_at,
    payload: row.payload,
    translations: new Map(
      (byNotice.get(row.seq) ?? []).map(({ locale, subject, html, text }) => [
        locale,
        { subject, html, text },
      ]),
    ),
  }));
}
