import type { Db, Tx } from '#db/open.ts';
import { confirmNow, followClock, hastenQueued, latestSeen } from '#db/setBack.ts';
import { listWorkers, type Worker } from '#db/workers.ts';
import { addMs, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { KEY_LIFETIME } from './candidates.ts';
import { isGone, RENEW_MS } from './lease.ts';

/** A clock that is set back by less makes nobody wait for long. */
const LEAST_MS = MINUTE;
/** A reading that comes so late after the one before: the clock was set forward, or the machine slept. */
const LEAP_MS = 10 * MINUTE;
/** For so long nothing is given up because of what a clock says that nobody has watched, or that leapt: it may be put right. */
const PATIENCE_BEATS = (10 * MINUTE) / RENEW_MS;
/** As two clocks may differ that are both right. */
const LOOSE_MS = 30_000;
const CHUNK = 10_000;
const STRETCHES = 20;

/** What the clock said between two leaps. */
export type Stretch = { readonly from: Instant; to: Instant };

/** The stretches up to the present one, of which the database follows that at `since`. */
type Path = { readonly stretches: readonly Stretch[]; readonly since: number; readonly now: Instant };

/** Watches the clock that a dispatcher goes by. */
export type ClockWatch = {
  /** The time. Every reading goes through here, so that no leap passes unseen. */
  now(): Instant;
  /** Tells of a time that was seen before the first reading: one that is still to come is a leap back. */
  remember(before: Instant | null): void;
  /**
   * The time, and whether it may be believed how long ago something was by it. Asked once a beat, in the transaction that acts on it: not
   * for ten minutes after the start or a leap, nor after any worker's clock was seen to differ. Whoever moves the times that are
   * written moves these beats too.
   */
  judge(workers: readonly Worker[]): { now: Instant; believed: boolean };
  /** The way to the present time, when there was a leap since it was last followed; else null. */
  unfollowed(): Path | null;
  followed(present: Stretch): void;
};

export function watchClock(read: () => Instant): ClockWatch {
  let stretches: Stretch[] = [];
  let followed: Stretch | null = null;
  let beatsLeft = PATIENCE_BEATS;
  const beats = new Map<string, Instant>();

  function now(): Instant {
    const time = read();
    const last = stretches.at(-1);
    const after = last ? msBetween(last.to, time) : 0;
    if (last && after > -LEAST_MS && after <= LEAP_MS) {
      if (after > 0) last.to = time;
    } else begin(time);
    return time;
  }

  function begin(time: Instant): void {
    const present = { from: time, to: time };
    if (!stretches.length) followed = present;
    else beatsLeft = PATIENCE_BEATS;
    stretches = [...stretches, present].slice(-STRETCHES);
  }

  return {
    now,
    remember(before) {
      const present = stretches[0];
      if (!present || !before || msBetween(present.to, before) < LEAST_MS) return;
      followed = { from: before, to: before };
      stretches = [followed, ...stretches];
    },
    judge(workers) {
      const time = now();
      const differs = workers.some(
        ({ id, beatAt }) =>
          beats.size > 0 && beats.get(id) !== beatAt && Math.abs(msBetween(beatAt, time)) > LEAP_MS,
      );
      beatsLeft = differs ? PATIENCE_BEATS : Math.max(0, beatsLeft - 1);
      for (const { id, beatAt } of workers) beats.set(id, beatAt);
      return { now: time, believed: beatsLeft === 0 };
    },
    unfollowed() {
      const time = now();
      const since = followed ? stretches.indexOf(followed) : 0;
      return since === stretches.length - 1 ? null : { stretches, since: Math.max(0, since), now: time };
    },
    followed(present) {
      followed = present;
    },
  };
}

/** A time that was moved, and the stretch by whose clock it is right since. */
type Moved = { to: Instant; by: Stretch };

/** Brings what is written in the database to the clock as it is after leaps. */
export type Follower = {
  /** @returns by how much the clock was set back, in ms; null when it was not, and nothing waits for what it once said */
  follow(db: Db): Promise<number | null>;
};

export function createFollower(watch: ClockWatch): Follower {
  let moved = new Map<number, Moved>();
  return {
    async follow(db) {
      const path = watch.unfollowed();
      if (!path) return null;
      const by = setBackBy(path);
      // A chunk at a time, so that others can write; what says that it is to be done goes last, should it be interrupted.
      if (by !== null) while ((await db.write((tx) => hastenQueued(tx, watch.now(), CHUNK))) === CHUNK);
      if (by !== null) await confirmEveryone(db);
      if (by !== null || path.stretches.some((stretch) => goesOnFrom(stretch, path.stretches)))
        moved = await db.write((tx) => moveTimes(tx, watch.unfollowed() ?? path));
      watch.followed(path.stretches.at(-1) as Stretch);
      return by;
    },
  };

  async function confirmEveryone(db: Db): Promise<void> {
    let last: number | null = 0;
    do {
      const after: number = last;
      last = await db.write((tx) => confirmNow(tx, { now: watch.now(), after, limit: CHUNK }));
    } while (last !== null);
  }

  async function moveTimes(tx: Tx, path: Path): Promise<typeof moved> {
    const isBack = setBackBy(path) !== null;
    const kept = new Map<number, Moved>();
    await followClock(tx, {
      now: path.now,
      wait: (at) => (isBack ? byPresent(at, path, writtenIn(at, path.stretches)) : at),
      unknownSince: (seq, at) => {
        const move = unknownSince(at, path, moved.get(seq));
        if (move) kept.set(seq, move);
        return move?.to ?? at;
      },
    });
    return kept;
  }
}

/** By how much the clock is behind what it once said and was not followed from, in ms; null when it is not. */
function setBackBy({ stretches, since, now }: Path): number | null {
  const latest = stretches.slice(since).reduce((max, { to }) => (to > max ? to : max), now);
  const by = msBetween(now, latest);
  return by < LEAST_MS ? null : by;
}

/**
 * Since when the batch's outcome is unknown, by the present clock; null when it stands as it is. A moment in the future was written
 * before the clock was set back, so that a key is never taken for younger than it is. One that looks too long ago was written, or
 * moved, between a leap back and the leap that put the clock right again: nothing was given up meanwhile, and it is put right too.
 */
function unknownSince(at: Instant, path: Path, moved: Moved | undefined): Moved | null {
  const { stretches, now } = path;
  const present = stretches.at(-1) as Stretch;
  const known = moved?.to === at && stretches.includes(moved.by) ? moved : null;
  const written =
    at > addMs(now, LOOSE_MS) ? (known?.by ?? writtenIn(at, stretches)) : putRight(at, path, known);
  if (!written) return known;
  const to = byPresent(at, path, written);
  return { to: to > now ? now : to, by: present };
}

/** The stretch behind a time that looks longer ago than it is; null when there is none to be seen. */
function putRight(at: Instant, { stretches, now }: Path, known: Moved | null): Stretch | null {
  const first = stretches.findIndex((stretch) => goesOnFrom(stretch, stretches));
  const between = first < 0 ? [] : stretches.slice(first + 1, -1);
  if (known) return between.includes(known.by) ? known.by : null;
  const looksLost = at < addMs(now, -KEY_LIFETIME);
  return (looksLost && between.find((stretch) => holds(stretch, at))) || null;
}

/** What was written in that stretch, in the present clock's time, when all leaps since were false. */
function byPresent(at: Instant, { stretches, now }: Path, written: Stretch): Instant {
  return addMs(now, -(lasted(written, stretches) + msBetween(at, written.to)));
}

/**
 * In which of the past stretches something still to come was written. What was before the first may be of it; but what had no answer
 * then for as long as keys last had been given up, so it is rather of another that fits.
 */
function writtenIn(at: Instant, stretches: readonly Stretch[]): Stretch {
  const past = stretches.slice(0, -1);
  const distance = ({ from, to }: Stretch, index: number) =>
    Math.max(0, msBetween(to, at), index && msBetween(at, from));
  const nearest = past.reduce(
    (best, stretch, index) =>
      distance(stretch, index) < best.far ? { stretch, far: distance(stretch, index) } : best,
    { stretch: past[0] as Stretch, far: Number.POSITIVE_INFINITY },
  ).stretch;
  if (at >= addMs(nearest.to, -KEY_LIFETIME)) return nearest;
  return past.find((stretch) => holds(stretch, at) && at >= addMs(stretch.to, -KEY_LIFETIME)) ?? nearest;
}

function holds({ from, to }: Stretch, at: Instant): boolean {
  return at >= addMs(from, -LOOSE_MS) && at <= addMs(to, LOOSE_MS);
}

/** How long the clock went since this stretch, without its leaps, in ms. */
function lasted(stretch: Stretch, stretches: readonly Stretch[]): number {
  return stretches
    .slice(stretches.indexOf(stretch) + 1)
    .reduce((sum, { from, to }) => sum + msBetween(from, to), 0);
}

/** Whether the clock is again, to a minute, where it would be had it never left this earlier stretch: all leaps since were false. */
function goesOnFrom(stretch: Stretch, stretches: readonly Stretch[]): boolean {
  const present = stretches.at(-1) as Stretch;
  const index = stretches.indexOf(stretch);
  if (index < 0 || index > stretches.length - 3) return false;
  const there = addMs(stretch.to, lasted(stretch, stretches));
  return Math.abs(msBetween(there, present.to)) <= LEAST_MS;
}

/** The latest that earlier processes of this machine have seen of the clock, as far as they left a trace. */
export function seenBefore(
  db: Db,
  { owner, provider }: { owner: string; provider: string },
): Promise<Instant | null> {
  return db.read(async (tx) => {
    const gone = (await listWorkers(tx)).filter(({ id }) => isGone(id, owner));
    return latestSeen(tx, { workers: gone.map(({ id }) => id), provider });
  });
}
