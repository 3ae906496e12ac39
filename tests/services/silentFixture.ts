import type { StatuspageSource } from '#domain/statuspage.ts';

/** An invented page that was silent at times: of each impact an incident, its updates so many minutes after its start. */
export function silentSource(): StatuspageSource {
  return {
    page: { id: 'pagepagepage', name: 'Lighthouse', time_zone: 'Etc/UTC' },
    components: [],
    incidents: [
      incident('silentcritic', 'critical', '2024-02-10T10:00:00.000Z', [0, 12, 75]),
      // Exactly 30 and 60 minutes are not more than that.
      incident('silentmajor1', 'major', '2024-02-20T23:30:00.000Z', [0, 30, 90, 91]),
      // The clocks go forward in the night in Europe: time is what counts, not what clocks read.
      incident('silentmajor2', 'major', '2024-03-31T00:30:00.000Z', [0, 61, 180, 181]),
      incident('silentminor1', 'minor', '2024-03-10T10:00:00.000Z', [0, 31, 50]),
      incident('silentmaint1', 'maintenance', '2024-03-12T10:00:00.000Z', [0, 600]),
    ],
  };
}

function incident(id: string, impact: string, start: string, minutes: readonly number[]) {
  const at = (minute: number) => new Date(Date.parse(start) + minute * 60_000).toISOString();
  return {
    id,
    name: 'Search is slow',
    status: 'resolved',
    impact,
    created_at: start,
    started_at: start,
    resolved_at: at(minutes.at(-1) as number),
    // The newest first, as such pages give them.
    incident_updates: minutes
      .map((minute, index) => ({
        id: `${id}-${index}`,
        status: index === minutes.length - 1 ? 'resolved' : 'investigating',
        body: 'Search is slow.',
        created_at: at(minute),
        display_at: at(minute),
      }))
      .reverse(),
  };
}
