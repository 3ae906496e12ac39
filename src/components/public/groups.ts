import type { DayMark } from '#domain/marks.ts';
import type { ComponentStatus } from '#domain/status.ts';
import type { Uptime } from '#domain/uptime.ts';

/** What the list of components needs of each, as `getStatusPage` gives it. */
export type ComponentMarks = {
  id: string;
  name: string;
  status: ComponentStatus;
  marks: readonly DayMark[];
  uptime: Uptime | null;
};

export type GroupMarks = {
  name: string | null;
  status: ComponentStatus;
  affected: number;
  components: readonly ComponentMarks[];
};
