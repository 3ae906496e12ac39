import { DRILL_BANNER } from '#domain/drills.ts';
import { wrap } from './plain.ts';
import type { Value } from './template.ts';

/** What every mail of a drill begins with, so that nobody takes it for the real thing. */
const MARK = 'DRILL.';

/** The banner as plain text; null of what is no drill. */
export function drillText(drill: boolean): string | null {
  return drill ? wrap(`${MARK} ${DRILL_BANNER}`) : null;
}

/** The banner for a template; null of what is no drill. */
export function drillValue(drill: boolean): Value {
  return drill ? { mark: MARK, banner: DRILL_BANNER } : null;
}

export function withDrill(subject: string, drill: boolean): string {
  return drill ? `DRILL: ${subject}` : subject;
}
