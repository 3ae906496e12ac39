import { createHmac } from 'node:crypto';
import type { Changed, Ctx } from '#db/context.ts';
import type { Db } from '#db/open.ts';
import type { Actor, Role } from '#domain/permissions.ts';
import { addMs, type Instant } from '#domain/time.ts';

export type TestClock = {
  now: () => Instant;
  advance: (ms: number) => void;
  set: (instant: Instant) => void;
};

/** A clock that moves only when told to. */
export function testClock(start: Instant = '2026-11-20T14:00:00.000Z'): TestClock {
  let current = start;
  return {
    now: () => current,
    advance: (ms) => {
      current = addMs(current, ms);
    },
    set: (instant) => {
      current = instant;
    },
  };
}

export type TestCtx = Ctx & { clock: TestClock; changes: Changed[]; as: (role: Role) => TestCtx };

/** A context over a real database with a still clock and counted ids; the actor is a comms lead. */
export function testContext(db: Db, options: { clock?: TestClock; actor?: Actor } = {}): TestCtx {
  const clock = options.clock ?? testClock();
  let count = 0;
  const changes: Changed[] = [];
  const ctx: TestCtx = {
    db,
    clock,
    changes,
    now: clock.now,
    newId: () => `id${(++count).toString(36).padStart(10, '0')}`,
    sign: (purpose, value) =>
      createHmac('sha256', 'test').update(`${purpose}\n${value}`).digest('base64url').slice(0, 32),
    actor: options.actor ?? userActor('comms'),
    site: {
      url: 'https://status.example.com',
      languages: ['en', 'de', 'ar'],
      mailFrom: 'Harbour status <status@example.com>',
      mailReplyTo: null,
    },
    hooks: { allowHttp: false, allowPrivate: false, resolve: async () => ['93.184.215.14'] },
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    changed: (what) => changes.push(what),
    as: (role) => ({ ...ctx, actor: userActor(role) }),
  };
  return ctx;
}

export function userActor(role: Role): Actor {
  return { kind: 'user', id: `user-${role}`, name: `${role} person`, email: `${role}@example.com`, role };
}
