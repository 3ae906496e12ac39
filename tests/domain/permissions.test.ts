import { describe, expect, it } from 'vitest';
import { type AppError, httpStatus } from '#domain/errors.ts';
import {
  type Actor,
  actorLabel,
  may,
  type Permission,
  ROLES,
  type Role,
  requirePermission,
} from '#domain/permissions.ts';

const user = (role: Role): Actor => ({ kind: 'user', id: 'u1', name: 'Ada', email: 'ada@example.com', role });
const VISITOR: Actor = { kind: 'visitor' };
const SYSTEM: Actor = { kind: 'system', name: 'clock' };

describe('who may do what', () => {
  it.each([
    ['incident.read', 'owner comms responder viewer'],
    ['incident.declare', 'owner comms responder'],
    ['incident.internalUpdate', 'owner comms responder'],
    ['incident.publish', 'owner comms'],
    ['maintenance.write', 'owner comms'],
    ['component.write', 'owner comms'],
    ['subscriber.read', 'owner comms'],
    ['subscriber.write', 'owner comms'],
    ['settings.write', 'owner'],
    ['user.write', 'owner'],
    ['audit.read', 'owner'],
  ] as [Permission, string][])('%s: %s', (permission, roles) => {
    expect(ROLES.filter((role) => may(user(role), permission)).join(' ')).toBe(roles);
    expect(may(SYSTEM, permission)).toBe(true);
    expect(may(VISITOR, permission)).toBe(false);
  });

  it('sends a visitor to sign in, and tells a user whom to ask', () => {
    const refusal = (actor: Actor) => {
      try {
        requirePermission(actor, 'incident.publish');
      } catch (error) {
        return error as AppError;
      }
      throw new Error('It was allowed.');
    };
    expect(refusal(VISITOR)).toMatchObject({ code: 'unauthenticated', fix: 'Sign in and try again.' });
    expect(httpStatus(refusal(VISITOR))).toBe(401);
    expect(refusal(user('responder'))).toMatchObject({
      code: 'forbidden',
      message: 'Your role (responder) may not do this.',
      fix: 'Ask someone whose role is owner or comms.',
    });
    expect(httpStatus(refusal(user('viewer')))).toBe(403);
    expect(() => requirePermission(user('comms'), 'incident.publish')).not.toThrow();
  });

  it('never names a visitor', () =>
    expect([user('comms'), SYSTEM, VISITOR].map(actorLabel)).toEqual(['Ada', 'clock', 'visitor']));
});
