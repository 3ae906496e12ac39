import type { AnyStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { type Rendered, renderUpdateMail } from './render.ts';
import type { UpdateMail } from './update.ts';

/**
 * To subscribers who were told of an incident for these components (names) alone, which it turned out not to touch. It says none of the news:
 * whom it does not concern need not read what it is.
 */
export function renderSparedMail({
  site,
  incident,
  components,
  now,
}: {
  site: UpdateMail['site'];
  incident: UpdateMail['incident'] & { status: AnyStatus };
  components: readonly string[];
  now: Instant;
}): Rendered {
  const nothing = { scope: null, affected: null, workaround: null, estimate: null, nextUpdateBy: null };
  return renderUpdateMail({
    site,
    incident,
    update: { kind: 'progress', status: incident.status, body: '', postedAt: now, ...nothing },
    spared: components,
    components: [],
    earlier: [],
    now,
  });
}
