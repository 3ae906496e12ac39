import { findIncident, type Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import type { Reader } from '#db/visible.ts';
import { AppError } from '#domain/errors.ts';

/**
 * @param version what the form was opened against; left out where an older form does no harm
 * @param reader who asks; without one, what is restricted is not found
 * @throws AppError not_found, or conflict when someone changed it since
 */
export async function requireIncident(
  tx: Tx,
  id: string,
  version?: number,
  reader: Reader = null,
): Promise<Incident> {
  const incident = await findIncident(tx, id, reader);
  if (!incident)
    throw new AppError('not_found', 'There is no such incident.', {
      fix: 'Open it from the list of incidents.',
    });
  if (version !== undefined && version !== incident.version)
    throw new AppError('conflict', 'Someone changed this incident while you had the form open.', {
      fix: 'Look at what is new, then send yours again. What you typed is kept.',
    });
  return incident;
}
