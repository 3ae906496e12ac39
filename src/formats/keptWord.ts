import type { KeptWord } from '#domain/keptWord.ts';
import type { Severity } from '#domain/severity.ts';
import { type Instant, MINUTE } from '#domain/time.ts';
import { csvText } from './csv.ts';

type Row = { id: string; title: string; severity: Severity; declaredAt: Instant; kept: KeptWord };

const HEADER = [
  'incident',
  'title',
  'severity',
  'declared',
  'update',
  'promised',
  'posted',
  'outcome',
  'minutes_late',
  'reminders',
  'calls_when_late',
];

/** One line a promise, the incidents in the order given; times are UTC, as ISO 8601. */
export function keptWordCsv(incidents: readonly Row[]): string {
  return csvText([
    HEADER,
    ...incidents.flatMap(({ id, title, severity, declaredAt, kept }) =>
      kept.words.map((word) => [
        id,
        title,
        severity,
        declaredAt,
        word.isFirst ? 'first' : 'next',
        word.promised,
        word.posted,
        word.verdict,
        Math.floor(word.lateMs / MINUTE),
        word.reminders,
        word.lateCalls,
      ]),
    ),
  ]);
}
