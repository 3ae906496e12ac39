import type { Ctx } from '#db/context.ts';
import type { Instant } from '#domain/time.ts';
import {
  type DeclareInput,
  declareIncident,
  getIncident,
  type PostInput,
  postUpdate,
} from '#services/incidents.ts';
import type { Moment, Stage } from './stage.ts';
import type { Person } from './table.ts';
import type { DutyPlan, StaffName, Town } from './town.ts';

/** A story: who is in it, and what they do when. Everything else that happens in it is Foghorn's. */
export type Plot = {
  title: string;
  cast: readonly Person[];
  start: Instant;
  until: Instant;
  duty: readonly DutyPlan[];
  moments: (script: Script, town: Town, stage: Stage) => void;
};

/** Writes down one incident's moments, in order. */
export type Script = {
  moments: Moment[];
  /** What is said of it in the course of the story. */
  bodies: string[];
  /** The incident, once it is declared. */
  id: () => string;
  does: (at: string, who: StaffName | 'visitor', tells: string, deed: (ctx: Ctx) => Promise<unknown>) => void;
  declares: (at: string, who: StaffName, input: DeclareInput) => void;
  says: (at: string, who: StaffName, body: string, changes?: Partial<PostInput>) => void;
};

export function newScript(town: Town): Script {
  const moments: Moment[] = [];
  const bodies: string[] = [];
  let id = '';
  const does: Script['does'] = (at, who, tells, deed) =>
    void moments.push({ at, tells, by: who === 'visitor' ? { kind: 'visitor' } : town.by(who), deed });
  return {
    moments,
    bodies,
    id: () => id,
    does,
    declares(at, who, input) {
      bodies.push(input.summary as string);
      const tells = `${nameIn(town, who)} declares a ${input.severity}, “${input.title}”: “${input.summary}”`;
      does(at, who, tells, async (ctx) => {
        ({ id } = await declareIncident(ctx, input));
      });
    },
    says(at, who, body, changes = {}) {
      bodies.push(body);
      const how = [
        changes.audience === 'internal' ? 'inside' : null,
        changes.severity ?? null,
        changes.status ?? null,
      ].filter((word) => word !== null);
      const tells = `${nameIn(town, who)} says${how.length ? ` (${how.join(', ')})` : ''}: “${body}”`;
      does(at, who, tells, async (ctx) => {
        const { version, status } = await getIncident(ctx, id);
        await postUpdate(ctx, {
          incidentId: id,
          version,
          audience: 'public',
          status,
          body,
          components: [],
          notify: true,
          ...changes,
        });
      });
    },
  };
}

function nameIn(town: Town, who: StaffName): string {
  const actor = town.by(who);
  return actor.kind === 'user' ? actor.name : who;
}
