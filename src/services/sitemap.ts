import type { Ctx } from '#db/context.ts';
import { getPage } from '#db/page.ts';
import { listFilings, listLastWords, listPublicComponents } from '#db/publicPage.ts';
import { pathOf } from '#domain/publicIncident.ts';
import type { SitemapPage } from '#domain/sitemap.ts';
import { dayIn } from '#domain/time.ts';
import { timeOf } from './publicPage.ts';

/**
 * A sitemap may name 50,000 addresses, each with its other languages beside it, and this one is made while someone waits; what is older is
 * found by the months.
 */
const INCIDENT_ADDRESSES = 10_000;

/** Every public page that is worth finding. */
export function getSitemap(ctx: Ctx): Promise<{ pages: SitemapPage[]; version: number }> {
  return ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const components = (await listPublicComponents(tx)).filter(({ archived_at }) => archived_at === null);
    // The history itself is the page of the month we are in.
    const now = timeOf(page, ctx);
    const days = [now, ...(await listFilings(tx, now))].map((at) => dayIn(at, page.timeZone));
    const months = new Set(days.map((day) => day.slice(0, 7)));
    const incidents = await listLastWords(tx, Math.floor(INCIDENT_ADDRESSES / ctx.site.languages.length));
    return {
      version: page.version,
      pages: [
        { path: '/', changedAt: page.updatedAt },
        { path: '/subscribe', changedAt: null },
        ...(page.showKept ? [{ path: '/on-time', changedAt: null }] : []),
        ...components.map(({ id }) => ({ path: `/components/${id}`, changedAt: null })),
        ...[...months]
          .sort()
          .reverse()
          .map((month) => ({ path: `/history/${month}`, changedAt: null })),
        ...incidents.map(({ id, kind, lastWordAt }) => ({
          path: pathOf({ id, kind }),
          changedAt: lastWordAt,
        })),
      ],
    };
  });
}
