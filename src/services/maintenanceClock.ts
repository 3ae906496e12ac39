import type { Ctx } from '#db/context.ts';
import { type Kept, listHolding, listKeptMaintenance, listWords } from '#db/maintenance.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { type Deed, deedsDue } from '#domain/maintenance.ts';
import type { Instant } from '#domain/time.ts';
import { wordsIn } from '#i18n/words.ts';
import { begunText, lateText, missedText } from '#i18n/work.ts';
import { eachInTurn } from './inTurn.ts';
import { type Holding, sayWord } from './maintenanceWords.ts';
import { newPostIds, type PostInput, postWithin, tellOthers, type Written } from './postUpdate.ts';

const CLOCK = { kind: 'system', name: 'Foghorn, by the clock' } as const;

/**
 * Starts and ends planned work at its time, reminds people of it, and warns and asks whoever planned it. Each deed and all that it writes is
 * one transaction that looks again first: it is done once, whatever restarts and however many processes look.
 * @returns how many deeds were done
 */
export async function keepMaintenance(base: Ctx): Promise<number> {
  const ctx: Ctx = { ...base, actor: CLOCK };
  const due = await ctx.db.read((tx) => listDue(tx, ctx.now()));
  let done = 0;
  await eachInTurn(due, async ({ work, deed }) => {
    const ids = newPostIds(ctx);
    const written = await ctx.db.write(async (tx) => {
      const again = (await listDue(tx, ctx.now(), work.incident.id)).find((one) => isSame(one.deed, deed));
      return again ? perform(tx, ctx, again, ids) : null;
    });
    if (!written) return;
    if ('updateId' in written) tellOthers(ctx, written);
    else if (written.mailed) ctx.changed('outbox');
    done++;
  });
  return done;
}

/** One maintenance with what keeps it from ending. */
export type Work = Kept & { holding: Holding[] };
type Due = { work: Work; deed: Deed };

async function listDue(tx: Tx, now: Instant, id?: string): Promise<Due[]> {
  const works = (await readWorks(tx)).filter(({ incident }) => id === undefined || incident.id === id);
  const words = Map.groupBy(
    await listWords(
      tx,
      works.map(({ incident }) => incident.seq),
    ),
    ({ incidentSeq }) => incidentSeq,
  );
  return works.flatMap((work) => {
    const { incident, plan, holding } = work;
    if (!incident.scheduledFor || !incident.scheduledUntil) return [];
    const deeds = deedsDue(
      {
        status: incident.status,
        scheduledFor: incident.scheduledFor,
        scheduledUntil: incident.scheduledUntil,
        byItself: plan.byItself,
        tells: plan.tells,
        words: words.get(incident.seq) ?? [],
        held: holding.length > 0,
      },
      now,
    );
    return deeds.map((deed) => ({ work, deed }));
  });
}

async function readWorks(tx: Tx): Promise<Work[]> {
  const kept = await listKeptMaintenance(tx);
  const holding = await listHolding(
    tx,
    kept.map(({ incident }) => incident.seq),
  );
  return kept.map((one) => ({ ...one, holding: holding.get(one.incident.seq) ?? [] }));
}

function isSame(a: Deed, b: Deed): boolean {
  if (a.kind === 'say' && b.kind === 'say') return a.word === b.word;
  return a.kind === b.kind;
}

async function perform(
  tx: Tx,
  ctx: Ctx,
  { work, deed }: Due,
  ids: ReturnType<typeof newPostIds>,
): Promise<Written | { mailed: boolean }> {
  if (deed.kind === 'say') return { mailed: await sayWord(tx, ctx, work, deed) };
  const { timeZone } = await getPage(tx);
  const { incident, plan } = work;
  const now = ctx.now();
  const words = wordsIn(ctx.site.languages[0]);
  const window = {
    from: incident.scheduledFor as Instant,
    until: incident.scheduledUntil as Instant,
  };
  const post = (changes: Pick<PostInput, 'status' | 'body' | 'at' | 'asPlanned'>): PostInput => ({
    incidentId: incident.id,
    version: incident.version,
    audience: 'public',
    components: [],
    notify: plan.tells,
    automatic: true,
    ...changes,
  });
  switch (deed.kind) {
    case 'begin': {
      const late = window.until <= now;
      const body = late ? lateText(words, window, timeZone) : begunText(words, window.until, timeZone, now);
      return postWithin(
        tx,
        ctx,
        {
          ...post({ status: 'in_progress', body, at: deed.at, asPlanned: true }),
          notify: plan.tells && !late,
        },
        ids,
      );
    }
    case 'end':
      return postWithin(
        tx,
        ctx,
        post({ status: 'completed', body: words.work.over, at: deed.at, asPlanned: deed.asPlanned }),
        ids,
      );
    case 'miss': {
      // Nobody is mailed: what happened when nobody looked is for whoever planned it to say.
      const body = missedText(words, window, timeZone);
      const written = await postWithin(
        tx,
        ctx,
        { ...post({ status: 'completed', body, at: window.until, asPlanned: true }), notify: false },
        ids,
      );
      await sayWord(tx, ctx, work, { kind: 'say', word: 'missed', about: window.until, times: 0 });
      return { ...written, inAudiences: written.inAudiences + 1 };
    }
  }
}
