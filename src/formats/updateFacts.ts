import { markdownToText } from '#domain/markdown.ts';
import type { PublicUpdate } from '#domain/publicIncident.ts';
import { whenText } from '#domain/time.ts';

/** What an update says beside its text, each with its label, in words. */
export function factsOf(update: PublicUpdate, zone: string): { label: string; text: string }[] {
  const { scope, affected, workaround, estimate, nextUpdateBy, postedAt } = update;
  const facts = [
    { label: 'Where', text: scope },
    { label: 'Who is affected', text: affected },
    { label: 'What still works', text: workaround },
    { label: 'Estimate', text: estimate },
  ];
  return facts
    .flatMap(({ label, text }) => (text ? [{ label, text }] : []))
    .concat(nextUpdateBy ? [{ label: 'Next update by', text: whenText(nextUpdateBy, zone, postedAt) }] : []);
}

/** All that an update says, as plain text. */
export function plainUpdate(update: PublicUpdate, zone: string): string {
  const facts = factsOf(update, zone).map(({ label, text }) =>
    label === 'Next update by' ? `${label} ${text}` : `${label}: ${text}`,
  );
  return [markdownToText(update.body), facts.join('\n')].filter(Boolean).join('\n\n');
}
