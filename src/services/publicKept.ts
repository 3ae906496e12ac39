import type { Ctx } from '#db/context.ts';
import { getPage } from '#db/page.ts';
import { type PublicKept, readPublicKept } from './keptWord.ts';
import { frameOf, type PublicFrame, timeOf } from './publicPage.ts';

/** The page that explains how many updates came on time; null where the owner does not show it. */
export async function getKeptPage(ctx: Ctx): Promise<(PublicFrame & PublicKept) | null> {
  return ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const now = timeOf(page, ctx);
    const kept = await readPublicKept(tx, page, now);
    return kept && { ...frameOf(page, now), ...kept };
  });
}
