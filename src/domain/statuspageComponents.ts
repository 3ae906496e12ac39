import { isPublicId } from './ids.ts';
import { type ComponentStatus, isComponentStatus } from './status.ts';
import { derivedId, isLoose, type Loose, looseText, looseTime, type Remarks } from './statuspage.ts';
import { plainTitle } from './statuspageText.ts';
import type { Instant } from './time.ts';

export type TidyGroup = {
  id: string;
  name: string;
  description: string | null;
  position: number;
  createdAt: Instant;
  updatedAt: Instant;
};

export type TidyComponent = {
  id: string;
  groupId: string | null;
  name: string;
  description: string | null;
  position: number;
  showcase: boolean;
  onlyShowIfDegraded: boolean;
  startDate: string | null;
  createdAt: Instant;
  updatedAt: Instant;
  /** Set for one that only old incidents name: it gets their history, but is not on the page. */
  archivedAt: Instant | null;
};

export type TidyComponents = {
  groups: TidyGroup[];
  components: TidyComponent[];
  /** What the source says of each now, by id. */
  statuses: Map<string, ComponentStatus>;
};

/** `asOf`: when the source was written, for what carries no time of its own. */
type Reading = { zone: string | null; asOf: Instant; remarks: Remarks };

/** Reads `components.json`'s list: groups (`group: true`) and the components in them. */
export function tidyComponents(records: readonly unknown[], reading: Reading): TidyComponents {
  const { remarks } = reading;
  const groups: TidyGroup[] = [];
  const components: TidyComponent[] = [];
  const statuses = new Map<string, ComponentStatus>();
  const seen = new Set<string>();
  for (const [index, record] of records.entries()) {
    if (!isLoose(record)) {
      remarks.push({ level: 'skipped', reason: 'not a component record', subject: `component ${index + 1}` });
      continue;
    }
    const name = plainTitle(looseText(record.name) ?? '');
    if (!name) {
      remarks.push({ level: 'skipped', reason: 'a component without a name', subject: label(record, index) });
      continue;
    }
    const id = recordId(record, name, remarks);
    if (seen.has(id)) {
      remarks.push({ level: 'skipped', reason: 'the same component twice', subject: name });
      continue;
    }
    seen.add(id);
    const common = {
      id,
      name,
      description: looseText(record.description),
      position: typeof record.position === 'number' ? Math.trunc(record.position) : index + 1,
      createdAt: looseTime(record.created_at, reading.zone) ?? reading.asOf,
      updatedAt:
        looseTime(record.updated_at, reading.zone) ??
        looseTime(record.created_at, reading.zone) ??
        reading.asOf,
    };
    if (record.group === true) {
      groups.push(common);
      continue;
    }
    components.push({
      ...common,
      groupId: looseText(record.group_id),
      showcase: record.showcase !== false,
      onlyShowIfDegraded: record.only_show_if_degraded === true,
      startDate: /^\d{4}-\d\d-\d\d$/.exec(looseText(record.start_date) ?? '')?.[0] ?? null,
      archivedAt: null,
    });
    if (isComponentStatus(record.status)) statuses.set(id, record.status);
    if (/\bwww\.|https?:\/\//i.test(name))
      remarks.push({
        level: 'noted',
        reason: 'reads as a signpost, not as a part of the service; imported as it is, archive it if so',
        subject: name,
      });
  }
  return { groups, components: components.map((c) => inGroup(c, groups, remarks)), statuses };
}

function inGroup(component: TidyComponent, groups: TidyGroup[], remarks: Remarks): TidyComponent {
  if (component.groupId === null || groups.some((group) => group.id === component.groupId)) return component;
  remarks.push({
    level: 'noted',
    reason: 'its group is not in the source; imported outside any group',
    subject: component.name,
  });
  return { ...component, groupId: null };
}

/** True when the record is a whole component, as newer incidents carry, and not only a code and a name. */
export function isWholeComponent(record: Loose): boolean {
  return looseText(record.id) !== null && record.group === false && 'position' in record;
}

export const UNLISTED =
  'a component that the source does not list; made and archived, so that its incidents keep it (restore it if it lives)';

/** What is known of components by name: those here already and those that the source lists. */
export type NamedComponent = { id: string; name: string; archived: boolean };

export type ComponentFinder = {
  /** The components that an incident's entry means; several for "Issues and Pull Requests". Makes one when none is known. */
  find: (code: string | null, name: string | null, subject: string) => NamedComponent[];
  /** Those that had to be made, archived. */
  made: () => NamedComponent[];
};

/**
 * Old incidents name components in words, sometimes in fragments ("and Copilot"). Known names are found whatever their case;
 * a list of known names is taken apart; a name that nothing explains becomes an archived component, so that the incident
 * keeps what it says.
 */
export function componentFinder(
  known: readonly NamedComponent[],
  newId: () => string,
  remarks: Remarks,
): ComponentFinder {
  const byId = new Map(known.map((component) => [component.id, component]));
  const byName = new Map<string, NamedComponent>();
  // Live ones last, so that they win over archived ones of the same name.
  for (const component of [...known].sort((a, b) => Number(b.archived) - Number(a.archived)))
    byName.set(nameKey(component.name), component);
  const made: NamedComponent[] = [];

  const byWords = (name: string): NamedComponent[] | null => {
    const whole = byName.get(nameKey(name));
    if (whole) return [whole];
    const parts = name
      .split(/\s*,\s*(?:and\s+|&\s*)?|\s+and\s+|\s*&\s*|^and\s+/i)
      .filter((part) => part.trim())
      .map((part) => byName.get(nameKey(part)));
    return parts.length && parts.every((part) => part !== undefined) ? parts : null;
  };

  const make = (code: string | null, name: string, subject: string): NamedComponent => {
    const id = code && /^[a-z0-9]{12}$/.test(code) && !byId.has(code) ? code : newId();
    const component = { id, name: name.replace(/^and\s+/i, ''), archived: true };
    made.push(component);
    byId.set(id, component);
    byName.set(nameKey(component.name), component);
    remarks.push({
      level: 'noted',
      reason: UNLISTED,
      subject: `${component.name} (in ${subject})`,
    });
    return component;
  };

  return {
    made: () => made,
    find(code, rawName, subject) {
      const exact = code ? byId.get(code) : undefined;
      if (exact) return [exact];
      const name = plainTitle(rawName ?? '') || (code ?? '').replaceAll('_', ' ');
      if (!name) {
        remarks.push({ level: 'skipped', reason: 'a component entry without a code or a name', subject });
        return [];
      }
      const found = byWords(name);
      if (!found) return [make(code, name, subject)];
      if (found.length > 1 || nameKey(found[0]!.name) !== nameKey(name))
        remarks.push({
          level: 'mended',
          reason: 'a component named in a fragment or a list ("and Copilot"), matched to the ones it names',
          subject,
        });
      return found;
    },
  };
}

function recordId(record: Loose, name: string, remarks: Remarks): string {
  const id = looseText(record.id);
  if (id && isPublicId(id)) return id;
  remarks.push({
    level: 'mended',
    reason: 'an id that cannot stand in an address; given another',
    subject: name,
  });
  return derivedId('component', id, name);
}

function label(record: Loose, index: number): string {
  return looseText(record.id) ?? `component ${index + 1}`;
}

function nameKey(name: string): string {
  return name.trim().replace(/\s+/g, ' ').toLowerCase();
}
