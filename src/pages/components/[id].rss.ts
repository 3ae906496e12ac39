import type { APIRoute } from 'astro';
import { RSS, rssFeed } from '#formats/feed.ts';
import { componentFeed } from '../_componentFeed.ts';

export const GET: APIRoute = (context) => componentFeed(context, rssFeed, RSS);
