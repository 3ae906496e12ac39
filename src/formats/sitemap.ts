import type { SitemapPage } from '#domain/sitemap.ts';
import { escapeHtml } from './feedEntry.ts';

/** The pages as a sitemap (sitemaps.org, protocol 0.9). */
export function sitemapXml(siteUrl: string, pages: readonly SitemapPage[]): string {
  const urls = pages.map(({ path, changedAt }) => {
    const changed = changedAt ? `<lastmod>${changedAt}</lastmod>` : '';
    return `<url><loc>${escapeHtml(siteUrl + encodeURI(path))}</loc>${changed}</url>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n${urls.join('')}</urlset>\n`;
}

/**
 * What crawlers may read (RFC 9309): the public pages. What is behind a sign-in, and what a link in someone's mail leads to, is none of
 * theirs.
 * @param prefixes of pages in other languages than the first
 */
export function robotsText(siteUrl: string, prefixes: readonly string[] = []): string {
  const own = prefixes.flatMap((prefix) => PERSONAL.map((path) => prefix + path));
  const closed = [...CLOSED, ...own].map((path) => `Disallow: ${path}\n`).join('');
  return `User-agent: *\n${closed}\nSitemap: ${siteUrl}/sitemap.xml\n`;
}

const PERSONAL = ['/confirm/', '/subscription/', '/unsubscribe/', '/webhook/'];

const CLOSED = ['/admin', '/api/v1/', '/api/hooks/', '/brief/', '/duty/', ...PERSONAL];
