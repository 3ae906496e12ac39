import type { Ctx } from '#db/context.ts';
import { getPage } from '#db/page.ts';
import { listFilings, listPublicComponents, listPublicGroups, listPublicIds } from '#db/publicPage.ts';
import { logoPath } from '#domain/brand.ts';
import { pathOf } from '#domain/publicIncident.ts';
import { dayIn } from '#domain/time.ts';
import { timeOf } from './publicPage.ts';

const ONCE = [
  '/',
  ...[
    'summary',
    'status',
    'components',
    'incidents',
    'incidents/unresolved',
    'scheduled-maintenances',
    'scheduled-maintenances/active',
    'scheduled-maintenances/upcoming',
  ].map((name) => `/api/v2/${name}.json`),
  '/history',
  '/history.atom',
  '/history.rss',
  '/calendar.ics',
  '/badge.svg',
  '/embed/status.json',
  '/embed/frame',
  '/on-time',
  '/sitemap.xml',
];

/**
 * The addresses of what is the same for everyone, as far as records say that they are there, what is asked for most first. Some may have
 * nothing to show (a page that is switched off, a group without components).
 */
export function listPublicPaths(ctx: Ctx): Promise<{ paths: string[]; version: number }> {
  return ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const components = (await listPublicComponents(tx)).filter(({ archived_at }) => archived_at === null);
    const groups = await listPublicGroups(tx);
    const months = new Set(
      (await listFilings(tx, timeOf(page, ctx))).map((at) => dayIn(at, page.timeZone).slice(0, 7)),
    );
    const incidents = await listPublicIds(tx);
    return {
      version: page.version,
      paths: [
        ...ONCE,
        ...Object.values(page.brand.logos).map(logoPath),
        ...components.flatMap(({ id }) => [
          `/components/${id}`,
          `/components/${id}.atom`,
          `/components/${id}.rss`,
        ]),
        ...[...components, ...groups].flatMap(({ id }) => [
          `/badge/${id}.svg`,
          `/embed/${id}.json`,
          `/embed/frame/${id}`,
        ]),
        ...[...months].reverse().map((month) => `/history/${month}`),
        ...incidents.flatMap((incident) => [pathOf(incident), `/incidents/${incident.id}.json`]),
      ],
    };
  });
}
