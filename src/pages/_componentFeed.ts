import type { APIContext } from 'astro';
import { orNull } from '#components/public/notFound.ts';
import type { FeedSnapshot } from '#domain/feed.ts';
import { missingText, publicText } from '#formats/publicJson.ts';
import { getComponentFeed } from '#services/publicFeeds.ts';

/** The feed of the component that the path names, in the format that it asks for. */
export async function componentFeed(
  { locals, params }: APIContext,
  write: (snapshot: FeedSnapshot) => string,
  type: string,
): Promise<Response> {
  const snapshot = await orNull(getComponentFeed(locals.ctx, params.id ?? ''));
  return snapshot
    ? publicText(write(snapshot), type, snapshot.version)
    : missingText('There is no component with that id. Its feed is linked on its page.');
}
