import { type AnyStatus, COMPONENT_STATUS_LABELS, type ComponentStatus } from '#domain/status.ts';

/** How a status looks: never by colour alone. `className` is what the dark style sheet of the mails knows it by. */
export type Look = { shape: string; className: string; colour: string };

const GOOD: Look = { shape: '●', className: 'ok', colour: '#2e7d4f' };
const DEGRADED: Look = { shape: '▲', className: 'dg', colour: '#866000' };
const PARTIAL: Look = { shape: '◆', className: 'po', colour: '#b34a00' };
const MAJOR: Look = { shape: '■', className: 'mo', colour: '#b3161e' };
const WATCHED: Look = { shape: '○', className: 'mt', colour: '#4b5bb5' };

export const LOOK_OF_STATUS: Record<AnyStatus, Look> = {
  investigating: MAJOR,
  identified: PARTIAL,
  monitoring: WATCHED,
  resolved: GOOD,
  postmortem: GOOD,
  scheduled: WATCHED,
  in_progress: WATCHED,
  verifying: WATCHED,
  completed: GOOD,
};

export const LOOK_OF_COMPONENT: Record<ComponentStatus, Look & { word: string }> = {
  operational: { ...GOOD, word: COMPONENT_STATUS_LABELS.operational },
  degraded_performance: { ...DEGRADED, word: COMPONENT_STATUS_LABELS.degraded_performance },
  partial_outage: { ...PARTIAL, word: COMPONENT_STATUS_LABELS.partial_outage },
  major_outage: { ...MAJOR, word: COMPONENT_STATUS_LABELS.major_outage },
  under_maintenance: { ...WATCHED, word: COMPONENT_STATUS_LABELS.under_maintenance },
};
