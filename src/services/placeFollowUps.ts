import type { Ctx } from '#db/context.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { closeRow, hasOpenRows, listOpenRows, type PagingRow } from '#db/pagingWords.ts';
import { isAwaited } from '#domain/calls.ts';
import { type FollowUp, followUpOf, type PagingStanding } from '#domain/paging.ts';
import { PRIORITY } from '#domain/priority.ts';
import type { Instant } from '#domain/time.ts';
import { pagerFollowUp } from '#formats/pager.ts';
import { dropWords, sayAt } from './placeCalls.ts';
import { readOpenStories, type Story } from './staffCalls.ts';

/**
 * Tells pagers that someone has it, or that it is over, and takes back what waits and says nothing true any more. It goes by how things
 * are, not by what happened, so that nothing is missed, whatever restarts; all of it is one transaction.
 * @returns how many words were said or taken back
 */
export async function followUpCalls(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  if (!(await ctx.db.read(hasOpenRows))) return 0;
  const due = await ctx.db.read((tx) => listFollowUps(tx, now));
  if (!due.length) return 0;
  const done = await ctx.db.write(async (tx) => {
    // Looked at again: another process may have been quicker.
    const again = await listFollowUps(tx, now);
    for (const { row, next } of again) await followUp(tx, ctx, row, next, now);
    return again.length;
  });
  if (done) ctx.changed('outbox');
  return done;
}

type Due = { row: PagingRow; next: FollowUp };

async function listFollowUps(tx: Tx, now: Instant): Promise<Due[]> {
  const rows = await listOpenRows(tx);
  if (!rows.length) return [];
  const stories = new Map(
    (await readOpenStories(tx, now)).map((story) => [story.incident.seq, story] as const),
  );
  return rows
    .map((row) => ({ row, next: followUpOf(row.words, standingOf(row, stories.get(row.incidentSeq), now)) }))
    .filter(({ next }) => next.drop.length || next.say || next.close);
}

function standingOf(row: PagingRow, story: Story | undefined, now: Instant): PagingStanding {
  const last = row.words.findLast(({ action }) => action === 'trigger');
  const holds = (story?.facts.holds ?? []).filter(
    ({ clock, at, until }) => clock === row.clock && at <= now && now < until,
  );
  return {
    isPager: row.channel === 'pager',
    rests: row.rests,
    gone: row.gone,
    awaited:
      story !== undefined &&
      last !== undefined &&
      isAwaited(story.facts, { clock: row.clock, due: last.due }),
    heldSince:
      holds
        .map(({ at }) => at)
        .sort()
        .at(-1) ?? null,
  };
}

async function followUp(tx: Tx, ctx: Ctx, row: PagingRow, next: FollowUp, now: Instant): Promise<void> {
  await dropWords(tx, next.drop, 'Nobody has to be called about it any more.', now);
  if (next.say) {
    const page = await getPage(tx);
    const site = { name: page.name, url: ctx.site.url };
    const { clock, incidentKey: incidentId } = row;
    const pager = pagerFollowUp(next.say, { site, incidentId, clock, alerts: next.alerts });
    const noticeSeq = await insertNotice(tx, {
      id: ctx.newId(),
      kind: 'call',
      incidentSeq: row.incidentSeq,
      updateSeq: null,
      priority: PRIORITY.staff,
      rendered: { subject: SUBJECTS[next.say], html: '', text: '', headers: {} },
      payload: JSON.stringify({ pager }),
      now,
    });
    const due = row.words.at(-1)?.due as Instant;
    await sayAt(tx, { ...row, action: next.say, due }, { noticeSeq, now });
  }
  if (next.close) await closeRow(tx, row);
}

const SUBJECTS = {
  acknowledge: 'To the pager: someone has it',
  resolve: 'To the pager: it is over',
};
