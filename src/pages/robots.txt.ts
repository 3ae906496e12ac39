import type { APIRoute } from 'astro';
import { robotsText } from '#formats/sitemap.ts';

/** Asks the database nothing: a crawler that gets no answer here stays away from everything. */
export const GET: APIRoute = ({ locals: { ctx } }) =>
  new Response(
    robotsText(
      ctx.site.url,
      ctx.site.languages.slice(1).map((locale) => `/${locale}`),
    ),
    {
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'public, max-age=3600' },
    },
  );
