import type { CallClock, CallKind } from '#domain/calls.ts';
import { dedupKey, type PagerAction } from '#domain/paging.ts';
import type { Severity } from '#domain/severity.ts';
import type { Instant } from '#domain/time.ts';

/** A call to staff, in words. */
export type PagerCall = {
  site: { name: string; url: string };
  incident: { id: string; severity: Severity; declaredAt: Instant };
  call: { clock: CallClock; kind: CallKind; due: Instant };
  /** "[SEV1] Late: first public update was due 14:05 UTC: Checkout is failing" */
  summary: string;
  /** One sentence on what is awaited, and from whom. */
  words: string;
  called: readonly string[];
  link: { words: string; url: string };
  /** Which alert of the clock it belongs to, from 1. */
  alert: number;
  now: Instant;
};

type PagerEvent = Record<string, unknown>;

/**
 * PagerDuty's Events API v2, which others take too. The routing key is put in when it is sent. Its limits: a summary of 1,024 characters,
 * 512 KB in all.
 */
export function pagerTrigger(call: PagerCall): PagerEvent {
  const { site, incident, link } = call;
  return {
    ...eventOf('trigger', dedupKey(incident.id, call.call.clock, call.alert), site),
    payload: {
      summary: clip(call.summary, 1_024),
      source: new URL(site.url).host,
      severity: SEVERITY_WORDS[incident.severity],
      timestamp: call.now,
      component: COMPONENTS[call.call.clock],
      group: clip(site.name, 255),
      class: call.call.kind,
      custom_details: {
        incident: incident.id,
        severity: incident.severity,
        declared_at: incident.declaredAt,
        due_at: call.call.due,
        what: call.words,
        ...(call.called.length && { called: call.called.join(', ') }),
      },
    },
    links: [{ href: link.url, text: link.words }],
  };
}

/** That someone has it, or that it is over: an event for each of these alerts. */
export function pagerFollowUp(
  action: Exclude<PagerAction, 'trigger'>,
  about: { site: PagerCall['site']; incidentId: string; clock: CallClock; alerts: readonly number[] },
): PagerEvent[] {
  const { site, incidentId, clock, alerts } = about;
  return alerts.map((alert) => eventOf(action, dedupKey(incidentId, clock, alert), site));
}

/** Two events that show that the way is open: one that asks for nothing, and its end, so that nothing stays behind. */
export function pagerSample(site: PagerCall['site'], key: string, now: Instant): PagerEvent[] {
  const payload = {
    summary: `Test from ${clip(site.name, 200)}: nothing is wrong`,
    source: new URL(site.url).host,
    severity: 'info',
    timestamp: now,
    component: 'test',
    group: clip(site.name, 255),
    class: 'test',
    custom_details: { what: 'Someone pressed “Send a test”. It ends by itself.' },
  };
  return [{ ...eventOf('trigger', key, site), payload }, eventOf('resolve', key, site)];
}

const SEVERITY_WORDS: Record<Severity, 'critical' | 'error' | 'warning' | 'info'> = {
  SEV1: 'critical',
  SEV2: 'error',
  SEV3: 'warning',
  SEV4: 'info',
};

const COMPONENTS: Record<CallClock, string> = {
  public: 'public update',
  internal: 'internal update',
  roles: 'roles',
  pace: 'pace',
  answer: 'answer',
  mail: 'mail',
};

function eventOf(action: PagerAction, key: string, site: PagerCall['site']): PagerEvent {
  return { event_action: action, dedup_key: key, client: 'Foghorn', client_url: `${site.url}/admin` };
}

function clip(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
