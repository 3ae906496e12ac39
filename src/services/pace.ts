import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { currentPolicies, type PolicyVersion, policiesOf } from '#db/policies.ts';
import type { Pace } from '#domain/cadence.ts';
import type { Severity } from '#domain/severity.ts';

/** What an incident's pace hangs on. */
type Paced = Pick<Incident, 'severity' | 'policySeq' | 'paceZone' | 'ownPace'>;

/** The pace of each: the policies that it was declared under, with their zone, and what was agreed for it alone. */
export async function pacesOf<T extends Paced>(tx: Tx, incidents: readonly T[]): Promise<Map<T, Pace>> {
  const versions = await policiesOf(tx, incidents);
  const { timeZone } = await getPage(tx);
  return new Map(
    incidents.map((incident) => {
      const version = versions.get(incident.policySeq) as PolicyVersion;
      return [
        incident,
        paceUnder(version, incident.severity, incident.paceZone ?? timeZone, incident.ownPace),
      ];
    }),
  );
}

export async function paceOf(tx: Tx, incident: Paced): Promise<Pace> {
  return (await pacesOf(tx, [incident])).get(incident) as Pace;
}

/** The pace of what is declared now, and the version and the zone that it is to remember. */
export async function paceForNew(
  tx: Tx,
  severity: Severity,
): Promise<{ pace: Pace; policySeq: number | null; paceZone: string }> {
  const version = await currentPolicies(tx);
  const { timeZone } = await getPage(tx);
  return { pace: paceUnder(version, severity, timeZone, null), policySeq: version.seq, paceZone: timeZone };
}

/** A pace that was agreed for one severity says nothing of another: `ownPace` is null once that has changed. */
function paceUnder(
  { policies, hours }: PolicyVersion,
  severity: Severity,
  zone: string,
  ownPace: Incident['ownPace'],
): Pace {
  return { policy: { ...policies[severity], ...ownPace }, hours: { ...hours, zone } };
}
