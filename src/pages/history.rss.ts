import type { APIRoute } from 'astro';
import { RSS, rssFeed } from '#formats/feed.ts';
import { publicText } from '#formats/publicJson.ts';
import { getHistoryFeed } from '#services/publicFeeds.ts';

export const GET: APIRoute = async ({ locals }) => {
  const snapshot = await getHistoryFeed(locals.ctx);
  return publicText(rssFeed(snapshot), RSS, snapshot.version);
};
