type Export = {
  incidents?: readonly unknown[];
};
type Posted = { created_at?: string; display_at?: string | null };

/**
 * Counts the silences of an export straight from its file, in the plainest way there is and with nothing of ours: for each impact how many
 * times one update followed another, and after how many of them more than 30 and more than 60 minutes had passed.
 */
export function countSilences({ incidents = [] }: Export): Record<string, number[]> {
  const found: Record<string, number[]> = {};
  for (const { impact, incident_updates } of incidents as { impact: string; incident_updates: Posted[] }[]) {
    // Planned, though it stands among the incidents.
    if (impact === 'maintenance') continue;
    const times = incident_updates.map((update) => Date.parse(update.display_at ?? update.created_at ?? ''));
    times.sort((a, b) => a - b);
    for (let index = 1; index < times.length; index++) {
      const minutes = ((times[index] as number) - (times[index - 1] as number)) / 60_000;
      found[impact] ??= [0, 0, 0];
      const own = found[impact] as number[];
      own[0] = (own[0] as number) + 1;
      if (minutes > 30) own[1] = (own[1] as number) + 1;
      if (minutes > 60) own[2] = (own[2] as number) + 1;
    }
  }
  return found;
}
