import { expect, it } from 'vitest';
import { replaceContent } from '#db/contents.ts';
import { listHadAlready } from '#db/digestHad.ts';
import { insertDigestItem, listDigestItems, listItemsOf } from '#db/digestItems.ts';
import {
  clearDigestFrom,
  firstDigestFrom,
  lastPageDigest,
  listDigestReaders,
  toldUpTo,
} from '#db/digests.ts';
import { endDigestText, hasText, listOpenTexts, listTextsTelling } from '#db/digestTexts.ts';
import { insertFanout } from '#db/fanouts.ts';
import { insertNotice } from '#db/notices.ts';
import { listToldByAudience, listToldElsewhere } from '#db/toldElsewhere.ts';
import { rendered } from '../delivery/support.ts';
import { freshSqlite } from '../support/databases.ts';
import { makeIncident, makeUpdate } from '../support/factory.ts';
import { plansOf } from '../support/plans.ts';

const NOW = '2026-11-20T14:00:00.000Z';

it('digests, and what mends a text, walk through no table that grows', async () => {
  const db = await freshSqlite();
  const incident = await makeIncident(db);
  const update = await makeUpdate(db, incident.seq, {});
  const end = await makeUpdate(db, incident.seq, { kind: 'resolution', status: 'resolved' });
  const plans = await plansOf(db, async (watched) => {
    await watched.write(async (tx) => {
      const text = { kind: 'digest' as const, incidentSeq: null, updateSeq: null, priority: 3, now: NOW };
      const wrong = await insertNotice(tx, { ...text, id: 'wrong', rendered: rendered() });
      const mended = await insertNotice(tx, { ...text, id: 'mended', rendered: rendered() });
      await tx
        .insertInto('digest_runs')
        .values({
          zone: 'Etc/UTC',
          day: '2026-11-20',
          window_from: NOW,
          window_to: NOW,
          cursor_seq: 0,
          bound_seq: 0,
        })
        .execute();
      await tx
        .insertInto('digest_texts')
        .values({ zone: 'Etc/UTC', day: '2026-11-20', items: '1', notice_seq: wrong })
        .execute();
      const about = { updateSeq: update.seq, incidentSeq: incident.seq, at: NOW };
      await insertDigestItem(tx, { ...about, filter: { components: [], groups: [] }, modes: ['digest'] });
      await replaceContent(tx, wrong, mended);
      await endDigestText(tx, wrong, { by: 'Ana', now: NOW });
      await clearDigestFrom(tx, [1, 2]);
      const { seq: ann } = await tx
        .insertInto('recipients')
        .values({
          id: 'ann',
          kind: 'stakeholder',
          channel: 'email',
          address: 'ann@example.com',
          audience_id: 'acme',
          state: 'confirmed',
          mode: 'policy',
          whole_page: 1,
          locale: 'en',
          created_at: NOW,
        })
        .returning('seq')
        .executeTakeFirstOrThrow();
      const told = { incidentSeq: incident.seq, updateSeq: update.seq };
      const toAudience = await insertNotice(tx, {
        ...told,
        id: 'audience',
        kind: 'stakeholder',
        priority: 1,
        rendered: rendered(),
        now: NOW,
      });
      const filter = { components: [], groups: [], people: [ann] };
      await insertFanout(tx, { noticeSeq: toAudience, filter, expected: 1, now: NOW });
      await insertNotice(tx, {
        id: 'end',
        kind: 'update',
        incidentSeq: incident.seq,
        updateSeq: end.seq,
        priority: 1,
        rendered: rendered(),
        now: NOW,
      });
      await listToldElsewhere(tx, { ...told, to: 'subscribers' });
      await listToldByAudience(tx, [1, 2], [toAudience]);
    });
    await watched.read(async (tx) => {
      await listDigestItems(tx, NOW);
      await listDigestItems(tx, NOW, NOW);
      await listItemsOf(tx, { updateSeq: update.seq, postedAt: NOW });
      await listOpenTexts(tx, NOW);
      await lastPageDigest(tx);
      await firstDigestFrom(tx, ['Etc/UTC', null]);
      for (const timeZone of ['Etc/UTC', null]) await toldUpTo(tx, { seq: 1, timeZone });
      const run = { zone: 'Etc/UTC', day: '2026-11-20', windowFrom: NOW, windowTo: NOW, pageFrom: NOW };
      await listDigestReaders(
        tx,
        { ...run, cursorSeq: 0, boundSeq: 9 },
        { modes: { named: ['digest', 'policy'], unnamed: ['digest', 'policy'] }, limit: 500 },
      );
      await listTextsTelling(tx, { updateSeq: update.seq, writtenFrom: NOW });
      await tx
        .selectFrom('recipients as r')
        .select('r.seq')
        .where('r.seq', '=', 1)
        .where((eb) => eb.not(hasText({ noticeSeqs: [1], deliveriesAfter: 7 })))
        .execute();
      await listHadAlready(tx, [1, 2], {
        updates: [{ updateSeq: update.seq, incidentSeq: incident.seq }],
        sinceDay: '2026-11-18',
      });
    });
  });
  expect(plans.length).toBeGreaterThan(9);
  const walks = plans.flatMap(({ sql, lines }) =>
    lines.filter((line) => /^SCAN/.test(line)).map((line) => `${line} in ${sql.slice(0, 80)}`),
  );
  expect(walks).toEqual([]);
  // Of a person's deliveries only those of late are looked at, however many there were before.
  const whole = plans.flatMap(({ sql, lines }) =>
    lines
      .filter((line) => /deliveries_recipient \(recipient_seq=\?\)/.test(line))
      .map((line) => `${line} in ${sql}`),
  );
  expect(whole).toEqual([]);
  expect(
    plans.flatMap(({ lines }) => lines.filter((line) => line.includes('(recipient_seq=? AND seq>?)'))),
  ).toHaveLength(2);
  await db.close();
});
