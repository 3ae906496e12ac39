import type { Ctx } from '#db/context.ts';
import type { Recipient } from '#db/recipients.ts';
import { maskHookUrl } from '#domain/hooks.ts';
import { may } from '#domain/permissions.ts';
import { maskAddress } from '#domain/text.ts';
import { shownUrl } from './hookPlace.ts';

type Place = { channel: Recipient['channel']; address: string };

/** Where something goes, as its reader may see it: whole to those who may see subscribers, else as much as tells one from another. */
export function placeFor(ctx: Pick<Ctx, 'actor'>, place: Place): string {
  if (may(ctx.actor, 'subscriber.read')) return shownPlace(place);
  return place.channel === 'email' ? maskAddress(place.address) : maskHookUrl(place.address);
}

/** A mail address or a webhook's URL whole; a chat's never, because who knows it may write there. */
export function shownPlace({ channel, address }: Place): string {
  return channel === 'email' ? address : shownUrl({ channel, address });
}
