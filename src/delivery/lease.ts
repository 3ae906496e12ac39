import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Lease } from '#db/batches.ts';
import type { Lane } from '#db/deliveries.ts';
import { addMs, type Instant } from '#domain/time.ts';

/** A holder that stops renewing loses its batches after this long. */
export const LEASE_MS = 15_000;
export const RENEW_MS = 5_000;

/**
 * Who holds a lease: `host:pid:start`. The start tells a process from an earlier one that had the same number. One process may have a
 * dispatcher of each lane, so those of calls are told from those of mail.
 */
export function leaseOwner(startedAt: Instant, lane: Lane = 'mail'): string {
  return `${machine()}${lane === 'mail' ? '' : `/${lane}`}:${process.pid}:${Date.parse(startedAt)}`;
}

export function leaseFrom(owner: string, now: Instant): Lease {
  return { owner, until: addMs(now, LEASE_MS) };
}

/** True when the owner ran here and certainly runs no more, so that waiting for its lease to end would be idle. */
export function isGone(owner: string, self: string): boolean {
  const [, host, pid] = /^(.*):(\d+):\d+$/.exec(owner) ?? [];
  const [, ownHost, ownPid] = /^(.*):(\d+):\d+$/.exec(self) ?? [];
  if (!host || host !== ownHost || owner === self) return false;
  return pid === ownPid || !isAlive(Number(pid));
}

/**
 * The host's name and, where the system tells, the namespace that process numbers are counted in: two containers may share a name
 * and both be process 1.
 */
function machine(): string {
  try {
    return `${hostname()}/${readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')}`;
  } catch {
    return hostname();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user may not be signalled, but it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
