import type { Remarks } from '#domain/statuspage.ts';
import type { Verdict } from './statuspageImportPlan.ts';

/** What became of the records of one kind: `read` is the sum of the others. */
export type ImportCount = {
  read: number;
  imported: number;
  changed: number;
  unchanged: number;
  /** Changed by someone here since the last import, so the source did not overwrite it. */
  left: number;
  skipped: number;
};

export type ImportReport = {
  groups: ImportCount;
  components: ImportCount;
  /** Incidents and maintenances together. */
  incidents: ImportCount;
  /** How many of the incidents are maintenances here. */
  maintenances: number;
  updates: ImportCount;
  remarks: Remarks;
};

export function emptyReport(): ImportReport {
  return {
    groups: emptyCount(),
    components: emptyCount(),
    incidents: emptyCount(),
    updates: emptyCount(),
    maintenances: 0,
    remarks: [],
  };
}

export function addTo(counts: ImportCount, what: keyof ImportCount, by: number): void {
  counts[what] += by;
}

const COUNTED_AS = { new: 'imported', changed: 'changed', same: 'unchanged', left: 'left' } as const;

export function addVerdict(counts: ImportCount, verdict: Verdict): void {
  addTo(counts, COUNTED_AS[verdict], 1);
}

function emptyCount(): ImportCount {
  return { read: 0, imported: 0, changed: 0, unchanged: 0, left: 0, skipped: 0 };
}
