import type { Ctx } from '#db/context.ts';
import { getPage } from '#db/page.ts';
import { listFilings, listPublicComponents, listPublicGroups, listPublicIds } from '#db/publicPage.ts';
import { logoPath } from '#domain/brand.ts';
import { pathOf } from '#domain/publicIncident.ts';
import { dayIn } from '#domain/time.ts';
import { wordsIn } from '#i18n/words.ts';
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
  '/on-time',
  '/sitemap.xml',
];

/** What stands on other people's pages, of the whole page or a part of it. No page of ours leads there in another language. */
const SHOWN_ELSEWHERE = {
  page: ['/badge.svg', '/embed/status.json', '/embed/frame'],
  part: (id: string) => [`/badge/${id}.svg`, `/embed/${id}.json`, `/embed/frame/${id}`],
};

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
    const elsewhere = [
      ...SHOWN_ELSEWHERE.page,
      ...[...components, ...groups].flatMap(({ id }) => SHOWN_ELSEWHERE.part(id)),
    ];
    const { languages } = ctx.site;
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
        ...languages.flatMap((locale) => elsewhere.map(wordsIn(locale, languages).to)),
        ...[...months].reverse().map((month) => `/history/${month}`),
        ...incidents.flatMap((incident) => [pathOf(incident), `/incidents/${incident.id}.json`]),
      ],
    };
  });
}
