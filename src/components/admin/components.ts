import { type ComponentStatus, isComponentStatus } from '#domain/status.ts';

/** A component as the posting form offers it. */
export type Choosable = {
  id: string;
  name: string;
  /** What this incident says of it now; null when it says nothing. */
  claimed: ComponentStatus | null;
  /** What the page shows of it now. */
  shown: ComponentStatus;
};

/** A form's `component:ID` fields by id, those left empty included. */
export function chosenComponents(
  fields: Iterable<readonly [string, unknown]>,
  prefix = 'component',
): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const [name, value] of fields)
    if (name.startsWith(`${prefix}:`) && typeof value === 'string')
      chosen[name.slice(prefix.length + 1)] = value;
  return chosen;
}

/** What was chosen, as a service takes it; an unknown status is passed over as untouched only when it is empty. */
export function touchedComponents(chosen: Record<string, string>): {
  components: { id: string; status: ComponentStatus }[];
  unknown: boolean;
} {
  const filled = Object.entries(chosen).filter(([, status]) => status !== '');
  return {
    components: filled.flatMap(([id, status]) => (isComponentStatus(status) ? [{ id, status }] : [])),
    unknown: filled.some(([, status]) => !isComponentStatus(status)),
  };
}
