import type { APIRoute } from 'astro';
import { ATOM, atomFeed } from '#formats/feed.ts';
import { componentFeed } from '../_componentFeed.ts';

export const GET: APIRoute = (context) => componentFeed(context, atomFeed, ATOM);
