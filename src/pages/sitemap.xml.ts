import type { APIRoute } from 'astro';
import { publicText } from '#formats/publicJson.ts';
import { sitemapXml } from '#formats/sitemap.ts';
import { getSitemap } from '#services/sitemap.ts';

export const GET: APIRoute = async ({ locals: { ctx } }) => {
  const { pages, version } = await getSitemap(ctx);
  return publicText(sitemapXml(ctx.site.url, pages), 'application/xml', version);
};
