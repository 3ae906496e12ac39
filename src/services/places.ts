import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { listCalls } from '#db/hookCalls.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import {
  findPlace,
  insertPlace,
  listLastOutcomes,
  listPlaces,
  type Place,
  removePlace,
  resumePlace,
  updatePlace,
} from '#db/places.ts';
import { AppError } from '#domain/errors.ts';
import { maskHookUrl } from '#domain/hooks.ts';
import { CALLED_FOR, PAGERDUTY_URL, PLACE_CHANNELS } from '#domain/paging.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { SEVERITIES } from '#domain/severity.ts';
import { singleLine } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';
import { pagerSample } from '#formats/pager.ts';
import { placePayload } from './callPayload.ts';
import { checkedHookUrl } from './hookPlace.ts';
import { type HookTrial, queueSample, readTrial } from './hookTrial.ts';
import { addressInput } from './subscribers.ts';

/** Where staff are called beside mail, for those who set it up. Of its secrets nothing is shown but what tells one from another. */
export type PlaceRow = Omit<Place, 'seq' | 'address' | 'routingKey'> & {
  /** As much of the address as tells it from others. */
  shown: string;
  /** Why the last call was refused; null when it was not, or none was made. */
  refusedBecause: string | null;
  lastCalledAt: Instant | null;
};

export async function listPagingPlaces(ctx: Ctx): Promise<PlaceRow[]> {
  requirePermission(ctx.actor, 'settings.write');
  return ctx.db.read(async (tx) => rowsOf(tx, await listPlaces(tx)));
}

export type PlaceFile = {
  place: PlaceRow;
  calls: Awaited<ReturnType<typeof listCalls>>;
  trial: HookTrial | null;
};

/** @throws AppError not_found */
export async function getPagingPlace(ctx: Ctx, id: string): Promise<PlaceFile> {
  requirePermission(ctx.actor, 'settings.write');
  return ctx.db.read(async (tx) => {
    const found = await requirePlace(tx, id);
    const [place] = (await rowsOf(tx, [found])) as [PlaceRow];
    return { place, calls: await listCalls(tx, found.seq, 30), trial: await readTrial(tx, found.seq) };
  });
}

const fields = {
  name: singleLine(80, 'The name'),
  owner: addressInput,
  severities: z
    .array(z.enum(SEVERITIES, { error: 'Choose severities from SEV1 to SEV4.' }))
    .min(1, 'Choose at least one severity.'),
  calls: z.enum(CALLED_FOR, { error: 'Choose which calls it gets.' }),
  /** Empty: of a pager PagerDuty's own, when it is changed the one that it has. */
  url: z.string().trim(),
  /** Of a pager. Empty when it is changed: the one that it has. */
  routingKey: z
    .string()
    .trim()
    .regex(/^[!-~]{0,200}$/, 'The routing key is one word of at most 200 letters and figures.'),
};
export const placeInput = z.object({
  channel: z.enum(PLACE_CHANNELS, { error: 'Choose what is called.' }),
  ...fields,
});
export const placeChanges = z.object(fields);

/** @returns its id @throws AppError invalid with the field at fault, conflict when it is called already */
export async function addPagingPlace(ctx: Ctx, input: z.infer<typeof placeInput>): Promise<string> {
  requirePermission(ctx.actor, 'settings.write');
  const { channel, name, owner, severities, calls } = input;
  const isPager = channel === 'pager';
  if (!isPager && !input.url) wrong('url', 'The address is empty. Copy it from the chat.');
  if (isPager && !input.routingKey)
    wrong('routingKey', 'The routing key is empty. Copy it from the pager’s integration.');
  const address = await checkedUrl(ctx, input.url || PAGERDUTY_URL);
  const routingKey = isPager ? input.routingKey : null;
  const id = ctx.newId();
  await ctx.db.write(async (tx) => {
    refuseTwice(await listPlaces(tx), { id, channel, address, routingKey });
    await insertPlace(tx, {
      ...{ id, channel, name, owner, severities, calls, address, routingKey },
      by: actorLabel(ctx.actor),
      now: ctx.now(),
    });
    await audit(tx, ctx, 'paging.add', id, { name, channel, severities: severities.join(' '), calls });
  });
  return id;
}

/** An empty address or routing key stays what it is. @throws AppError not_found, invalid, conflict */
export async function savePagingPlace(
  ctx: Ctx,
  id: string,
  input: z.infer<typeof placeChanges>,
): Promise<void> {
  requirePermission(ctx.actor, 'settings.write');
  const url = input.url ? await checkedUrl(ctx, input.url) : null;
  const { name, owner, severities, calls } = input;
  await ctx.db.write(async (tx) => {
    const place = await requirePlace(tx, id);
    const address = url ?? place.address;
    const routingKey = place.channel === 'pager' ? input.routingKey || place.routingKey : null;
    refuseTwice(await listPlaces(tx), { ...place, address, routingKey });
    await updatePlace(tx, place.seq, { name, owner, severities, calls, address, routingKey });
    await audit(tx, ctx, 'paging.change', id, {
      name,
      severities: severities.join(' '),
      calls,
      address: address === place.address ? null : 'another',
      key: routingKey === place.routingKey ? null : 'another',
    });
  });
}

/** One call that says that it is a test, by the way that all calls go. @throws AppError not_found, too_many (with `retryAfter`) */
export async function tryPagingPlace(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'settings.write');
  const [now, noticeId] = [ctx.now(), ctx.newId()];
  await ctx.db.write(async (tx) => {
    const { seq } = await requirePlace(tx, id);
    const page = await getPage(tx);
    const site = { name: page.name, url: ctx.site.url };
    const news = {
      site: site.name,
      heading: 'Test: nothing is wrong',
      tone: 'over' as const,
      body: 'Staff are called here when a promise runs out.',
      facts: [],
      promise: null,
      components: [],
      link: { words: 'Open the admin', url: `${site.url}/admin` },
    };
    const payload = placePayload(news, pagerSample(site, `foghorn-test-${noticeId}`, now));
    await queueSample(tx, { recipientSeq: seq, noticeId, subject: 'Test', payload, now });
    await audit(tx, ctx, 'paging.test', id, {});
  });
  ctx.changed('outbox');
}

/** Lets calls go on after they had failed. @throws AppError not_found */
export async function resumePagingPlace(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'settings.write');
  await ctx.db.write(async (tx) => {
    const place = await requirePlace(tx, id);
    if (!place.restsSince) return;
    await resumePlace(tx, place.seq);
    await audit(tx, ctx, 'paging.resume', id, { name: place.name });
  });
  ctx.changed('outbox');
}

/** Nobody is called there any more; its address and key are forgotten. @throws AppError not_found */
export async function removePagingPlace(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'settings.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const place = await requirePlace(tx, id);
    await removePlace(tx, place.seq, now);
    await audit(tx, ctx, 'paging.remove', id, { name: place.name });
  });
}

/** Calls carry a key, or have one in their address, so nobody on the way may read along; within one's own network that is one's own affair. */
function checkedUrl(ctx: Ctx, text: string): Promise<string> {
  const { hooks } = ctx;
  const allowHttp = hooks.allowHttp && hooks.allowPrivate;
  return checkedHookUrl({ ...ctx, hooks: { ...hooks, allowHttp } }, text);
}

async function rowsOf(tx: Tx, places: readonly Place[]): Promise<PlaceRow[]> {
  const outcomes = await listLastOutcomes(
    tx,
    places.map(({ seq }) => seq),
  );
  return places.map(({ seq, address, routingKey, ...place }) => {
    const last = outcomes.get(seq);
    return {
      ...place,
      shown: shownPlaceUrl(address),
      refusedBecause: last?.state === 'refused' ? last.reason : null,
      lastCalledAt: last?.at ?? null,
    };
  });
}

/** PagerDuty's own address is no secret. */
export function shownPlaceUrl(address: string): string {
  return address === PAGERDUTY_URL ? address : maskHookUrl(address);
}

/** The same room twice would hear everything twice; two pagers may share an address under other keys. */
function refuseTwice(
  all: readonly Place[],
  { id, channel, address, routingKey }: Pick<Place, 'id' | 'channel' | 'address' | 'routingKey'>,
): void {
  const other = all.find(
    (one) =>
      one.id !== id && one.address === address && one.routingKey === routingKey && one.channel === channel,
  );
  if (!other) return;
  const message = `“${other.name}” is called there already.`;
  throw new AppError('conflict', message, {
    problems: [{ field: channel === 'pager' ? 'routingKey' : 'url', message }],
  });
}

async function requirePlace(tx: Tx, id: string): Promise<Place> {
  const place = await findPlace(tx, id);
  if (place) return place;
  throw new AppError('not_found', 'There is no such place: someone may have removed it.', {
    fix: 'Look at the list again.',
  });
}

function wrong(field: string, message: string): never {
  throw new AppError('invalid', message, { problems: [{ field, message }] });
}

function audit(
  tx: Tx,
  ctx: Ctx,
  action: 'paging.add' | 'paging.change' | 'paging.test' | 'paging.resume' | 'paging.remove',
  id: string,
  detail: Record<string, string | null>,
): Promise<void> {
  return insertAudit(tx, ctx, { action, subjectKind: 'paging', subjectId: id, detail });
}
