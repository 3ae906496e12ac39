import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import { countNamed } from '#db/fanoutPeople.ts';
import { type FanoutFilter, insertFanout } from '#db/fanouts.ts';
import type { Incident } from '#db/incidents.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { endWaitingSpared, listSpared } from '#db/spared.ts';
import { readToldSoFar } from '#db/streams.ts';
import { renderSparedMail } from '#emails/spared.ts';
import { priorityOf, releaseAfter } from './updateMail.ts';

/**
 * Tells subscribers who were mailed of an incident only for components that it turned out not to touch that it is not theirs, once, so that
 * they do not wait for the word that they were promised: how it ends they hear, and nothing before that until it is theirs again. Whom it is
 * for is seen anew with each correction, and again once the release window is over. A part of the transaction that corrects the components.
 * @param concerned what the incident touches by now
 * @returns how many people it is for
 */
export async function putSubscribersRight(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  concerned: { components: readonly string[]; groups: readonly string[] },
): Promise<number> {
  const now = ctx.now();
  await endWaitingSpared(tx, incident.seq, now);
  // Planned work promises no next word.
  if (incident.kind !== 'incident') return 0;
  const told = await readToldSoFar(tx, incident.seq, now);
  const components = told.of.components.filter((id) => !concerned.components.includes(id));
  if (!components.length) return 0;
  const filter: FanoutFilter = {
    components,
    groups: told.of.groups.filter((id) => !concerned.groups.includes(id)),
    scopedOnly: true,
    toldBy: told.noticeSeqs,
    spared: await listSpared(tx, incident.seq),
    noLonger: { not: concerned },
  };
  const expected = await countNamed(tx, filter);
  if (!expected) return 0;
  const page = await getPage(tx);
  const names = (await findComponents(tx, components)).map(({ name }) => name);
  const noticeSeq = await insertNotice(tx, {
    id: ctx.newId(),
    kind: 'spared',
    incidentSeq: incident.seq,
    updateSeq: null,
    priority: priorityOf(incident.kind, incident.severity),
    rendered: renderSparedMail({
      site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone, languages: ctx.site.languages },
      incident,
      components: names,
      now,
    }),
    now,
  });
  const releaseAt = releaseAfter({ page, now });
  await insertFanout(tx, { noticeSeq, filter, expected, now, releaseAt, corrects: true });
  return expected;
}
