import { type LostBatch, listLostBatches, listStrandedBatches, settleBatch } from '#db/batches.ts';
import { countCutOff, endBatchMembers, listMembers, requeueMembers } from '#db/batchMembers.ts';
import { holdUnknown } from '#db/heldBatches.ts';
import { freeLeases, listLeaseOwners, renewLeases } from '#db/leases.ts';
import type { Db, Tx } from '#db/open.ts';
import { closeCircuit, noteKey } from '#db/providers.ts';
import { endOvertaken } from '#db/refused.ts';
import { beatWorker, deleteWorkers, type Loops, listWorkers } from '#db/workers.ts';
import { addMs, DAY, type Instant, msBetween } from '#domain/time.ts';
import type { Sign } from '#emails/links.ts';
import { KEY_LIFETIME } from './candidates.ts';
import { createTransport, type MailConfig } from './createTransport.ts';
import { awaitsExpanding, ExpandFailure, expandNextChunk, newStride, restAfter } from './expander.ts';
import { createFollower, seenBefore, watchClock } from './leaps.ts';
import { isGone, leaseFrom, leaseOwner, RENEW_MS } from './lease.ts';
import { LEAD_MS } from './ledger.ts';
import { createEngine } from './round.ts';
import { goesWhole, type Transport } from './transport.ts';

export type DispatcherDeps = {
  db: Db;
  now: () => Instant;
  sign: Sign;
  site: { url: string };
  log: Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void>;
  config: MailConfig;
  /** In place of the one that the configuration names. */
  transport?: Transport;
  random?: () => number;
  /** Counts milliseconds, whatever the clock does. */
  stopwatch?: () => number;
};

export type Dispatcher = {
  /** Resolves when it is known to the others as a worker that lives; where the database is away, once it is back. */
  begun: Promise<void>;
  /** New mail may be waiting: look at once. */
  wake(): void;
  /** Claims nothing more, waits for the calls in flight, writes down what became of them, and lets go of the rest. */
  stop(): Promise<void>;
};

/** Without a wake, how soon new work of another process is seen. */
const POLL_MS = 500;
/** Past this a call in flight is left to its lease: a little more than the longest that one call to Resend may take. */
const STOP_MS = 17_000;
/** After a failure of the database. */
const SORRY_MS = 1_000;

/**
 * Begins to hand mail over: fan-outs become deliveries, deliveries become batches, batches are sent and settled. Any number of
 * processes may do this on one database. A crash at any moment is resumed by whoever comes next.
 */
export function startDispatcher(deps: DispatcherDeps): Dispatcher {
  const { db, log } = deps;
  const watch = watchClock(deps.now);
  const { now } = watch;
  const follower = createFollower(watch);
  const transport = deps.transport ?? createTransport(deps.config, deps.sign);
  const owner = leaseOwner(now(), transport.lane);
  const role = `${transport.lane}:${transport.name}`;
  const expandBell = createBell();
  const sendBell = createBell();
  const engine = createEngine({
    db,
    now,
    random: deps.random ?? Math.random,
    sign: deps.sign,
    site: deps.site,
    log,
    transport,
    owner,
    onResult: sendBell.ring,
    waitUntil: (ms) => untilInstant(ms, now),
  });
  const stopwatch = deps.stopwatch ?? (() => performance.now());
  /** When each loop last got through a turn. */
  const turned = new Map<keyof Loops, number>();
  let stopping = false;
  let abandoned = false;

  const begun = begin();
  const beating = setInterval(() => void beat(), RENEW_MS);
  // Whatever the way out, deliveries come into being in one place.
  const loops = begun.then(() =>
    Promise.all(transport.lane === 'mail' ? [expandLoop(), sendLoop()] : [sendLoop()]),
  );

  return {
    begun,
    wake() {
      expandBell.ring();
      sendBell.ring();
    },
    async stop() {
      stopping = true;
      engine.stopClaiming();
      expandBell.ring();
      sendBell.ring();
      const deadline = setTimeout(() => {
        abandoned = true;
        sendBell.ring();
      }, STOP_MS);
      await loops;
      clearTimeout(deadline);
      clearInterval(beating);
      await transport.close();
      await safely(() => db.write((tx) => deleteWorkers(tx, [owner])));
    },
  };

  /** What an earlier process of this machine held is free; whoever starts Foghorn wants an open circuit tried again. */
  async function begin(): Promise<void> {
    while (!stopping) {
      await safely(async () => {
        watch.remember(await seenBefore(db, { owner, provider: transport.name }));
        await followClock();
      });
      const ready = await safely(() =>
        db.write(async (tx) => {
          const owners = await listLeaseOwners(tx);
          await freeLeases(
            tx,
            owners.filter((other) => isGone(other, owner)),
          );
          const yesterday = addMs(now(), -DAY);
          const gone = (await listWorkers(tx)).filter(
            ({ id, beatAt }) => isGone(id, owner) || beatAt < yesterday,
          );
          await deleteWorkers(
            tx,
            gone.map((worker) => worker.id),
          );
          await closeCircuit(tx, transport.name, now());
          await askAboutKey(tx, transport, now());
          await sayAlive(tx);
          return true;
        }),
      );
      if (ready) return;
      await sendBell.wait(SORRY_MS);
    }
  }

  async function expandLoop(): Promise<void> {
    const stride = newStride();
    turned.set('expanding', stopwatch());
    while (!stopping) {
      const waiting = await safely(() => db.read((tx) => awaitsExpanding(tx, now())));
      const expanded = waiting?.work ? await safely(() => expandNextChunk({ db, now, stride })) : false;
      if (waiting !== null && expanded !== null) turned.set('expanding', stopwatch());
      if (waiting === null || expanded === null) await expandBell.wait(SORRY_MS);
      else if (expanded) {
        sendBell.ring();
        await new Promise((resolve) => setTimeout(resolve, restAfter(stride)));
      } else await expandBell.wait(untilNext(waiting.next));
    }
  }

  /** What is released in between leaves to the moment. */
  function untilNext(next: Instant | null): number {
    return next ? Math.max(1, Math.min(POLL_MS, msBetween(now(), next))) : POLL_MS;
  }

  async function sendLoop(): Promise<void> {
    turned.set('sending', stopwatch());
    while (!abandoned && (!stopping || engine.inFlight().length || engine.hasResults())) {
      const worked = await safely(engine.round);
      if (worked !== null) turned.set('sending', stopwatch());
      if (worked === null) await sendBell.wait(SORRY_MS);
      else if (!worked) await sendBell.wait(pause());
    }
  }

  function pause(): number {
    const until = engine.restsUntil();
    return until ? Math.max(1, Math.min(POLL_MS, msBetween(now(), until))) : POLL_MS;
  }

  /** Keeps the leases of what is in flight and says that this worker lives. */
  async function beat(): Promise<void> {
    await safely(followClock);
    await safely(() =>
      db.write(async (tx) => {
        await renewLeases(tx, engine.inFlight(), leaseFrom(owner, now()));
        await sayAlive(tx);
      }),
    );
  }

  async function followClock(): Promise<void> {
    const by = await follower.follow(db);
    if (by === null) return;
    log.warn({ seconds: Math.round(by / 1000) }, 'The clock was set back; what waited for it goes on.');
    expandBell.ring();
    sendBell.ring();
  }

  /**
   * Beats, ends what can no longer be sent safely, when the clock may be believed about that, and takes back what was frozen for another
   * transport and never left. The clock is judged and used in one breath: it may leap while a transaction waits for its turn.
   */
  async function sayAlive(tx: Tx): Promise<void> {
    const { now: time, believed } = watch.judge(await listWorkers(tx));
    const loops = Object.fromEntries([...turned].map(([name, at]) => [name, Math.round(stopwatch() - at)]));
    await beatWorker(tx, { id: owner, role, now: time, loops });
    const tooOld = { before: addMs(time, -KEY_LIFETIME), now: time };
    for (const batch of believed ? await listLostBatches(tx, tooOld) : []) {
      if (!(await settleBatch(tx, batch, { now: time, error: LOST }))) continue;
      if (!goesWhole(batch.transport)) await requeueUntouched(tx, batch, time);
      await endBatchMembers(tx, batch.seq, { state: 'uncertain', reason: LOST, now: time });
    }
    // Calls have one way out: there is no other that theirs could have been frozen for.
    for (const batch of transport.lane === 'mail' ? await listStrandedBatches(tx, transport.name) : []) {
      if (!(await settleBatch(tx, batch, { now: time, error: 'Mail leaves another way now.' }))) continue;
      await requeueMembers(
        tx,
        { batchSeq: batch.seq },
        { counts: true, notBefore: time, reason: null, now: time },
      );
    }
  }

  /** The loops outlive any failure: it is logged, and tried again. Null when it failed. */
  async function safely<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ExpandFailure)
        log.error(
          { err: error.cause, fanout: error.fanout },
          'A message could not be turned into one for each person; it is tried again, and others go on.',
        );
      else log.error({ err: error }, 'The outbox could not reach its database; it tries again.');
      return null;
    }
  }
}

/** Of mails that go one by one, those that were certainly never handed over go on waiting: no key of theirs runs out. */
async function requeueUntouched(tx: Tx, { seq, cutOff }: LostBatch, now: Instant): Promise<void> {
  if (cutOff) await countCutOff(tx, seq, now);
  const members = await listMembers(tx, seq);
  const seqs = members.flatMap((member) => (member.unanswered ? [] : [member.seq]));
  if (!seqs.length) return;
  await endOvertaken(tx, seqs, { state: 'in_batch', reason: OVERTAKEN, now }, 'anyone');
  await requeueMembers(tx, { batchSeq: seq, seqs }, { counts: false, notBefore: now, reason: null, now });
}

/** With another account key, what has no answer yet waits until someone has said that the account is the same. Everything else goes on. */
async function askAboutKey(tx: Tx, { name, keyMark }: Transport, now: Instant): Promise<void> {
  if (keyMark !== undefined && (await noteKey(tx, name, keyMark)))
    await holdUnknown(tx, { transport: name, now });
}

const OVERTAKEN = 'It waited for too long: a newer message has gone out since.';

const LOST =
  'No answer for 23 hours. Sending it again could send it twice, so it is not repeated; it may have arrived.';

/**
 * A timer may end a moment early; a call may not begin so. What the clock does meanwhile changes nothing, and if it was set back since the
 * slot was given, nobody waits until it says again what it said then.
 */
async function untilInstant(ms: number, now: () => Instant): Promise<void> {
  const wait = Math.min(LEAD_MS, ms - Date.parse(now()));
  const since = performance.now();
  for (let left = wait; left > 0; left = wait - (performance.now() - since))
    await new Promise((resolve) => setTimeout(resolve, left));
}

type Bell = { ring: () => void; wait: (ms: number) => Promise<void> };

/** A ring that comes while nobody waits ends the next wait at once, so none is missed. */
function createBell(): Bell {
  let rung = false;
  let wakeUp: (() => void) | null = null;
  return {
    ring() {
      rung = true;
      wakeUp?.();
    },
    async wait(ms) {
      if (!rung)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wakeUp = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      wakeUp = null;
      rung = false;
    },
  };
}
