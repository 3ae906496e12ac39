import type { Hooks } from '#db/context.ts';
import type { Db } from '#db/open.ts';
import { hookTransport } from '#delivery/transports/hook.ts';
import { MINUTE } from '#domain/time.ts';
import { followUpCalls } from '#services/placeFollowUps.ts';
import { addPagingPlace } from '#services/places.ts';
import { tellRestingPlaces } from '#services/placeTrouble.ts';
import { callStaff } from '#services/staffCalls.ts';
import { rigEngine, SITE } from '../delivery/support.ts';
import { userActor } from '../support/context.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { incidentHouse } from './incidentHouse.ts';

export const OPEN: Hooks = { allowHttp: true, allowPrivate: true, resolve: async () => ['127.0.0.1'] };
export const KEY = 'R0123456789ABCDEFGHIJKLMNOPQRSTU';

/** A house with Mia and Otto, whose chat rooms and pagers are real web servers on this machine. */
export async function placeHouse(
  fresh: () => Promise<Db>,
  ends: (() => Promise<unknown>)[],
  { timeoutMs = 2_000 }: { timeoutMs?: number } = {},
) {
  const house = await incidentHouse(fresh);
  const { db } = house;
  const ctx = { ...house.ctx, hooks: OPEN };
  const owner = { ...ctx, actor: userActor('owner') };
  await db.write(async (tx) => {
    for (const name of ['mia', 'otto'])
      await tx
        .insertInto('users')
        .values({
          id: name,
          email: `${name}@example.com`,
          name: name === 'mia' ? 'Mia' : 'Otto',
          role: name === 'otto' ? 'owner' : 'comms',
          password_hash: 'x',
          created_at: '2026-01-01T00:00:00.000Z',
          disabled_at: null,
        })
        .execute();
  });
  const transport = hookTransport({
    rules: OPEN,
    resolve: OPEN.resolve,
    siteUrl: SITE,
    timeoutMs,
    gateMs: 50,
  });
  ends.push(transport.close);
  const rig = await rigEngine(db, transport, { clock: ctx.clock });
  const server = async (): Promise<Receiver> => {
    const started = await startReceiver();
    ends.push(started.close);
    return started;
  };
  const add = (changes: Partial<Parameters<typeof addPagingPlace>[1]> & { url: string }) =>
    addPagingPlace(owner, {
      channel: 'pager',
      name: 'On-call',
      owner: 'otto@example.com',
      severities: ['SEV1', 'SEV2'],
      calls: 'pressing',
      routingKey: KEY,
      ...changes,
    });
  /** One tick of the clock, and what leaves by it. */
  const tick = async () => {
    await callStaff(ctx);
    await followUpCalls(ctx);
    await tellRestingPlaces(ctx);
    await rig.drain();
  };
  /** Lets time pass, half a minute at a time. */
  const pass = async (minutes: number) => {
    for (let half = 0; half < minutes * 2; half++) {
      await tick();
      ctx.clock.advance(MINUTE / 2);
    }
    await tick();
  };
  const as = (name: 'mia' | 'otto') => ({ ...ctx, actor: { ...userActor('comms'), id: name, name } });
  /** What was put in the outbox for places, in order: "public trigger accepted". */
  const words = () =>
    db.read(async (tx) =>
      (
        await tx
          .selectFrom('paging_words as w')
          .innerJoin('deliveries as d', 'd.seq', 'w.delivery_seq')
          .select(['w.clock', 'w.action', 'd.state', 'd.priority', 'd.reason'])
          .orderBy('w.delivery_seq')
          .execute()
      ).map(({ clock, action, state }) => `${clock} ${action} ${state}`),
    );
  return { ...house, ...rig, ctx, owner, transport, server, add, tick, pass, as, words };
}

/** "trigger [SEV1] First public update due by 14:05 UTC: Checkout is failing" of each call of a pager. */
export function eventsOf({ calls }: Receiver): string[] {
  return calls.map(({ json }) => [json.event_action, json.payload?.summary].filter(Boolean).join(' '));
}

/**
 * What PagerDuty makes of the calls: a trigger rings where no alert of its key is open, and is only noted beside one that is, acknowledged
 * or not. @returns how often it rang, and what is open at the end
 */
export function alertsOf({ calls }: Receiver, about = ''): { rang: number; open: string[] } {
  const open = new Map<string, 'triggered' | 'acknowledged'>();
  let rang = 0;
  for (const { json } of calls.filter((call) => call.json.dedup_key.startsWith(about))) {
    const { dedup_key: key, event_action: action } = json;
    if (action === 'resolve') open.delete(key);
    else if (action === 'acknowledge') open.has(key) && open.set(key, 'acknowledged');
    else if (!open.has(key)) {
      open.set(key, 'triggered');
      rang++;
    }
  }
  return { rang, open: [...open].map((one) => one.join(' ')) };
}
