import type { PublicIncident } from './publicIncident.ts';
import type { ComponentStatus } from './status.ts';
import type { Instant } from './time.ts';

/** What the public JSON is written from, whichever document is asked for. */
export type ApiSnapshot = {
  page: { id: string; name: string; url: string; timeZone: string; updatedAt: Instant };
  /** Only those that hold a component. */
  groups: ApiGroup[];
  components: ApiComponent[];
  /** No longer on the page: listed nowhere, but old incidents name them. */
  archived: ApiComponent[];
  /** Everything that is open now, whatever lists were asked for: the page's indicator is derived from it. */
  open: PublicIncident[];
  incidents: PublicIncident[];
  maintenances: PublicIncident[];
};

export type ApiGroup = {
  id: string;
  name: string;
  description: string | null;
  position: number;
  createdAt: Instant;
  updatedAt: Instant;
};

export type ApiComponent = ApiGroup & {
  groupId: string | null;
  status: ComponentStatus;
  showcase: boolean;
  onlyShowIfDegraded: boolean;
  startDate: string | null;
};
