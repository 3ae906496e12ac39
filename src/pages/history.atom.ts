import type { APIRoute } from 'astro';
import { ATOM, atomFeed } from '#formats/feed.ts';
import { publicText } from '#formats/publicJson.ts';
import { getHistoryFeed } from '#services/publicFeeds.ts';

export const GET: APIRoute = async ({ locals }) => {
  const snapshot = await getHistoryFeed(locals.ctx);
  return publicText(atomFeed(snapshot), ATOM, snapshot.version);
};
