import { AppError } from './errors.ts';

export const ROLES = ['owner', 'comms', 'responder', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** Who acts. `system` is the machine itself: the clock, an import, a command on the operator's own shell. */
export type Actor =
  | {
      kind: 'user';
      id: string;
      name: string;
      email: string;
      role: Role;
      /** How they came, where they did not sign in: whoever works at the machine itself is believed about who they are. */
      via?: 'command line';
    }
  | { kind: 'system'; name: string }
  | { kind: 'visitor' };

const ALLOWED = {
  'incident.read': ['owner', 'comms', 'responder', 'viewer'],
  'incident.declare': ['owner', 'comms', 'responder'],
  'incident.internalUpdate': ['owner', 'comms', 'responder'],
  'incident.draft': ['owner', 'comms', 'responder'],
  'incident.roles': ['owner', 'comms', 'responder'],
  'incident.log': ['owner', 'comms', 'responder'],
  'incident.publish': ['owner', 'comms'],
  'maintenance.write': ['owner', 'comms'],
  'component.write': ['owner', 'comms'],
  'component.setStatus': ['owner', 'comms'],
  'template.write': ['owner', 'comms'],
  'runbook.write': ['owner', 'comms', 'responder'],
  'subscriber.read': ['owner', 'comms'],
  'subscriber.write': ['owner', 'comms'],
  'audience.write': ['owner', 'comms'],
  'duty.write': ['owner', 'comms'],
  'delivery.read': ['owner', 'comms', 'responder', 'viewer'],
  'delivery.write': ['owner', 'comms'],
  'settings.write': ['owner'],
  'user.write': ['owner'],
  'audit.read': ['owner'],
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof ALLOWED;

export function may(actor: Actor, permission: Permission): boolean {
  if (actor.kind === 'system') return true;
  return actor.kind === 'user' && roleMay(actor.role, permission);
}

/** Whether whoever has this role in the house may. */
export function roleMay(role: Role, permission: Permission): boolean {
  return (ALLOWED[permission] as readonly Role[]).includes(role);
}

/** A service's first line. Throws `unauthenticated` or `forbidden`. */
export function requirePermission(actor: Actor, permission: Permission): void {
  if (may(actor, permission)) return;
  if (actor.kind !== 'user')
    throw new AppError('unauthenticated', 'You are not signed in.', { fix: 'Sign in and try again.' });
  throw new AppError('forbidden', `Your role (${actor.role}) may not do this.`, {
    fix: `Ask someone whose role is ${ALLOWED[permission].join(' or ')}.`,
  });
}

/** Whether it is done on the operator's own machine, by its shell or by Foghorn itself, and not by someone who signed in. */
export function isAtTheMachine(actor: Actor): boolean {
  return actor.kind === 'system' || (actor.kind === 'user' && actor.via === 'command line');
}

/** null of the machine and of visitors. */
export function userIdOf(actor: Actor): string | null {
  return actor.kind === 'user' ? actor.id : null;
}

/** How an actor is named in audit rows and beside updates. */
export function actorLabel(actor: Actor): string {
  return actor.kind === 'user' ? actor.name : actor.kind === 'system' ? actor.name : 'visitor';
}
