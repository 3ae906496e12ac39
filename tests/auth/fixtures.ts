import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import type { Caller } from '#auth/signIn.ts';
import type { Db } from '#db/open.ts';
import type { Role } from '#domain/permissions.ts';
import { type TestClock, type TestCtx, testContext } from '../support/context.ts';

export const PASSWORD = 'river-lantern-42-moss';
export const OTHER_PASSWORD = 'copper-window-77-fern';

/** One clock for our context and for Lucia, which reads Date itself. Give it back with `vi.useRealTimers()`. */
export function oneClock(start = '2026-11-20T14:00:00.000Z'): TestClock {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(start) });
  return {
    now: () => new Date().toISOString(),
    advance: (ms) => void vi.setSystemTime(Date.now() + ms),
    set: (instant) => void vi.setSystemTime(new Date(instant)),
  };
}

/** A visitor's context over the database. */
export function visitorContext(db: Db): TestCtx {
  return testContext(db, { clock: oneClock(), actor: { kind: 'visitor' } });
}

export async function addUser(
  ctx: TestCtx,
  role: Role,
  email = `${role}@example.com`,
): Promise<{ id: string; email: string; ctx: TestCtx }> {
  const system = { ...ctx, actor: { kind: 'system', name: 'test' } as const };
  const { id } = await createUser(system, { email, name: `${role} person`, role, password: PASSWORD });
  return {
    id,
    email,
    ctx: { ...ctx, actor: { kind: 'user', id, name: `${role} person`, email, role } },
  };
}

export function caller(options: Partial<Caller> = {}): Caller {
  return {
    address: '192.0.2.10',
    cookies: null,
    userAgent: 'Mozilla/5.0 (X11; Linux) Firefox/140.0',
    ...options,
  };
}

/** What the browser would send back. */
export function cookieHeader(setCookies: readonly string[]): string {
  return setCookies.map((cookie) => cookie.split(';')[0]).join('; ');
}

/** The session id inside the Set-Cookie values. */
export function sessionIdOf(setCookies: readonly string[]): string {
  const cookie = setCookies.find((value) => /^(__Host-)?session=/.test(value));
  return cookie?.split(';')[0]?.split('=')[1] ?? '';
}

/** Every file under src/pages as the route pattern that Astro makes of it. */
export function routePatterns(): string[] {
  const folder = join(import.meta.dirname, '../../src/pages');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .filter((path) => !path.split('/').some((part) => part.startsWith('_')))
    .map((path) => path.replace(/\.(astro|ts|js|md)$/, '').replace(/\/index$/, '') || '/');
}
