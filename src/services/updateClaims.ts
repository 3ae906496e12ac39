import { BY_HAND, type Claim, type ClaimSource, listClaimsOfSource } from '#db/claims.ts';
import { type Component, findComponents } from '#db/components.ts';
import type { FanoutFilter } from '#db/fanouts.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import type { ComponentChange } from '#db/updates.ts';
import { type ComponentStatus, isOver, statusRank } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import type { PostInput } from './postUpdate.ts';
import { requireComponents } from './requireComponents.ts';

type NewClaim = Omit<Claim, 'seq'>;

/** What one update changes of components, and whom that concerns. */
export type ClaimPlan = {
  source: ClaimSource;
  /** Components whose open claim ends now. */
  endClaims: readonly string[];
  /** Claims that are taken back: what a maintenance planned and did otherwise, or not at all. */
  voidClaims: readonly number[];
  newClaims: readonly NewClaim[];
  /** What stays wrong after a resolution becomes a person's own word, since the incident claims nothing any more. */
  leftByHand: readonly NewClaim[];
  /** What the update is on record as having changed. */
  said: readonly ComponentChange[];
  /** What the mail names: each component concerned, with the status it has after this. */
  components: readonly { id: string; name: string; status: ComponentStatus }[];
  filter: FanoutFilter;
};

/** What an update does to the incident as a whole, as far as its components ask. */
type Turn = {
  ends: boolean;
  reopens: boolean;
  begins: boolean;
  calledOff: boolean;
  /** What is planned is planned for another time. */
  moves: boolean;
  /** When that was; null: now. */
  at: Instant | null;
};

export async function planClaims(
  tx: Tx,
  incident: Incident,
  input: PostInput,
  now: Instant,
): Promise<ClaimPlan> {
  const source: ClaimSource = { kind: incident.kind, seq: incident.seq };
  const turn = turnOf(incident, input);
  await requireComponents(tx, input.components);
  const claims = await listClaimsOfSource(tx, source);
  const open = new Map(claims.filter(isOpen).map((claim) => [claim.componentId, claim]));
  const wanted = wantedStatuses(incident, input, claims, turn);
  const touched = new Set([...claims.map(({ componentId }) => componentId), ...wanted.keys()]);
  const known = new Map((await findComponents(tx, [...touched])).map((one) => [one.id, one]));
  if (turn.reopens) for (const id of wanted.keys()) if (known.get(id)?.archivedAt) wanted.delete(id);
  const concerned = [...new Set([...open.keys(), ...wanted.keys()])];
  const plan = {
    endClaims: [] as string[],
    voidClaims: [] as number[],
    said: [] as ComponentChange[],
    components: [] as ClaimPlan['components'][number][],
  };
  const claimed: NewClaim[] = [];
  for (const id of concerned) {
    const held = open.get(id);
    const { name } = known.get(id) as Component;
    const after = wanted.get(id) ?? (turn.ends ? 'operational' : (held?.status ?? 'operational'));
    const before = statusBefore(held, turn, now);
    plan.components.push({ id, name, status: after });
    if (after !== before || wanted.has(id))
      plan.said.push({ code: id, name, old_status: before, new_status: after });
    const goesOn = held?.status === after && !turn.ends && !turn.begins && !turn.moves;
    if (goesOn) continue;
    const never = turn.begins || turn.moves || turn.calledOff;
    if (held && (never || held.startsAt > now)) plan.voidClaims.push(held.seq);
    else if (held) plan.endClaims.push(id);
    if (after === 'operational') continue;
    const first = !claims.some(({ componentId }) => componentId === id);
    const startsAt = turn.ends ? now : startOf(incident, input, turn, first, now);
    claimed.push({ componentId: id, status: after, startsAt, endsAt: null });
  }
  // How it ends, and that it does not, concerns everyone who was told of it.
  const told = turn.ends || turn.reopens ? [...touched] : concerned;
  return {
    source,
    ...plan,
    newClaims: turn.ends ? [] : claimed,
    // Visitors see a person's own word. What a drill leaves wrong is wrong nowhere, and what is said inside changes nothing outside.
    leftByHand:
      turn.ends && input.audience === 'public' && !incident.drill ? await worseThanByHand(tx, claimed) : [],
    filter: { components: told, groups: groupsOf(told, known) },
  };
}

function turnOf(incident: Incident, input: PostInput): Turn {
  const ends = isOver(input.status);
  return {
    ends,
    reopens: isOver(incident.status) && !ends,
    begins: incident.status === 'scheduled' && input.status !== 'scheduled' && !ends,
    calledOff: input.calledOff === true,
    moves: input.window !== undefined && incident.status === 'scheduled' && input.status === 'scheduled',
    at: input.at ?? null,
  };
}

/** What the update says of components. A reopening that names none gives back what was held when it was resolved. */
function wantedStatuses(
  incident: Incident,
  input: PostInput,
  claims: readonly Claim[],
  turn: Turn,
): Map<string, ComponentStatus> {
  const wanted = new Map(input.components.map(({ id, status }) => [id, status]));
  if (!turn.reopens || wanted.size) return wanted;
  const held = claims.filter(({ endsAt }) => endsAt !== null && endsAt === incident.resolvedAt);
  return new Map(held.map(({ componentId, status }) => [componentId, status]));
}

/** How it was until now. What a maintenance only planned counts as said while it stays planned, and as never been once it does not. */
function statusBefore(held: Claim | undefined, turn: Turn, now: Instant): ComponentStatus {
  if (!held) return 'operational';
  if (turn.begins && turn.at !== null) return 'operational';
  return held.startsAt > now && (turn.ends || turn.begins) ? 'operational' : held.status;
}

/** What is first said of a component before the incident is public was so from the start; what is said later is so from now on. */
function startOf(incident: Incident, input: PostInput, turn: Turn, first: boolean, now: Instant): Instant {
  const planned = input.window?.from ?? incident.scheduledFor;
  if (incident.status === 'scheduled' && !turn.begins) return planned && planned > now ? planned : now;
  if (turn.begins && turn.at !== null) return turn.at;
  return first && !incident.publishedAt && !turn.reopens ? incident.startedAt : now;
}

/** A resolution never makes a person's own, worse word milder. */
async function worseThanByHand(tx: Tx, left: readonly NewClaim[]): Promise<NewClaim[]> {
  if (!left.length) return [];
  const byHand = new Map(
    (await listClaimsOfSource(tx, BY_HAND)).filter(isOpen).map((claim) => [claim.componentId, claim.status]),
  );
  return left.filter(
    ({ componentId, status }) => statusRank(status) > statusRank(byHand.get(componentId) ?? 'operational'),
  );
}

function groupsOf(ids: readonly string[], known: ReadonlyMap<string, Component>): string[] {
  return [...new Set(ids.flatMap((id) => known.get(id)?.groupId ?? []))];
}

function isOpen(claim: Claim): boolean {
  return claim.endsAt === null;
}
