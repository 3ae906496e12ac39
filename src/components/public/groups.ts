import type { DayMark } from '#domain/marks.ts';
import type { ComponentStatus } from '#domain/status.ts';
import type { Uptime } from '#domain/uptime.ts';

/** What the list of components needs of each, as `getStatusPage` gives it. */
export type ComponentMarks = {
  id: string;
  name: string;
  /** Who runs it, when it is somebody else, and their own status page. */
  upstream: { name: string; url: string } | null;
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
