import { newDuties } from '#clock/clock.ts';
import type { Ctx } from '#db/context.ts';
import type { Db } from '#db/open.ts';
import type { Dispatcher } from '#delivery/dispatcher.ts';
import { startOutbox } from '#delivery/outbox.ts';
import type { Transport } from '#delivery/transport.ts';
import { SITE } from '../delivery/support.ts';

/**
 * Where a process may end: in a transaction, which is then undone; after one, before anyone learns of it; before a call to the mail
 * provider; after the call, before its answer is written down. `lost` ends nothing: the provider takes the mails and the line breaks.
 */
export const PLACES = ['inside', 'committed', 'called', 'answered', 'lost'] as const;
export type Place = (typeof PLACES)[number];

/** Asked wherever a process may end. */
export type Fate = {
  /** The clock moves on: what happens next is thought of anew. */
  step: () => void;
  strikes: (place: Place) => boolean;
  /** Whether someone restarts Foghorn now, for no reason. */
  restarts: () => boolean;
};

/** Nothing goes wrong. */
export const CALM: Fate = { step: () => undefined, strikes: () => false, restarts: () => false };

/** Much goes wrong, and the same things for the same seed. */
export function roughFate(random: () => number): Fate & { met: Map<Place | 'restarts', number> } {
  const met = new Map<Place | 'restarts', number>();
  let next: { place: Place; nth: number } | null = null;
  const think = (odds: number) => {
    const place = PLACES[Math.floor(random() * PLACES.length)] as Place;
    const nth = 1 + Math.floor(random() * 3);
    next = random() < odds ? { place, nth } : null;
  };
  const count = (what: Place | 'restarts') => met.set(what, (met.get(what) ?? 0) + 1);
  return {
    met,
    step: () => think(0.8),
    strikes(place) {
      if (next?.place !== place || --next.nth) return false;
      count(place);
      // It may happen again to the one that comes after it.
      think(0.5);
      return true;
    },
    restarts() {
      if (random() > 0.02) return false;
      count('restarts');
      return true;
    },
  };
}

/** What of the world outlives a process. */
export type World = {
  /** Without `db` and `changed`, which are each process's own. */
  base: Ctx;
  db: Db;
  mail: Transport;
  random: () => number;
  /** Has the provider break the line after the next call. */
  loseAnswer: () => void;
};

/** Foghorn as it runs: the duties of its clock and its outbox, over a database that outlives it. */
export type Process = {
  ctx: Ctx;
  duties: ReturnType<typeof newDuties>;
  outbox: Dispatcher;
  /** Does what a person asks of it. False: it ended before anything was written down, and they may ask again. */
  serve: (deed: (ctx: Ctx) => Promise<void>) => Promise<boolean>;
  /** As if by a power cut: whatever it is at gets no further. */
  die: () => void;
  death: Promise<void>;
  isAlive: () => boolean;
};

export function startProcess(world: World, fate: Fate): Process {
  const { promise: death, resolve } = Promise.withResolvers<void>();
  let alive = true;
  /** While a person is served, ends come to what they ask for and to nothing beside it. */
  let serving = false;
  const die = () => {
    alive = false;
    resolve();
  };
  const ends = (place: Place) => alive && !serving && fate.strikes(place);

  const db: Db = {
    ...world.db,
    read: async (work) => (alive ? whileAlive(await world.db.read(work)) : never()),
    async write(work) {
      if (!alive) return never();
      const cut = ends('inside');
      const result = await world.db
        .write(async (tx) => {
          const done = alive && (await work(tx));
          // Of what was under way when the power went, nothing is kept.
          if (cut || !alive) throw new PowerCut();
          return done as Awaited<ReturnType<typeof work>>;
        })
        .catch((error) => {
          if (!(error instanceof PowerCut)) throw error;
          die();
          return never<Awaited<ReturnType<typeof work>>>();
        });
      if (ends('committed')) die();
      return whileAlive(result);
    },
  };
  const mail: Transport = {
    ...world.mail,
    async send(batch, call) {
      if (!alive) return never();
      if (ends('called')) {
        die();
        return never();
      }
      if (ends('lost')) world.loseAnswer();
      const outcome = await world.mail.send(batch, call);
      if (ends('answered')) die();
      return whileAlive(outcome);
    },
    // The calls of one that is gone may still be open: its connections are the world's.
    close: async () => undefined,
  };
  const ctx: Ctx = { ...world.base, db, changed: (what) => what === 'outbox' && alive && outbox.wake() };
  const outbox = startOutbox({
    ...ctx,
    transport: mail,
    random: world.random,
    config: {
      mailTransport: 'resend',
      mailFrom: ctx.site.mailFrom,
      mailReplyTo: null,
      siteUrl: SITE,
      dataDir: '/nowhere',
      resendApiKey: null,
      resendBaseUrl: '',
      smtpUrl: null,
    },
  });

  return { ctx, duties: newDuties(), outbox, serve, die, death, isAlive: () => alive };

  function whileAlive<T>(value: T): T | Promise<T> {
    return alive ? value : never();
  }

  async function serve(deed: (ctx: Ctx) => Promise<void>): Promise<boolean> {
    serving = true;
    let cut = fate.strikes('inside');
    const write: Db['write'] = (work) =>
      world.db.write(async (tx) => {
        const done = await work(tx);
        if (!cut) return done;
        cut = false;
        throw new PowerCut();
      });
    try {
      await deed({ ...ctx, db: { ...world.db, write } });
      if (fate.strikes('committed')) die();
      return true;
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      die();
      return false;
    } finally {
      serving = false;
    }
  }
}

class PowerCut extends Error {}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
