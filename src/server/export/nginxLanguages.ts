import { LOCALES } from '#i18n/locales.ts';
import { MOVES } from '#i18n/paths.ts';
import { NOT_FOUND } from './site.ts';

/**
 * What nginx is to know of the languages that the site is offered in, as maps of its http block: `$foghorn_language` is what the address
 * begins with (`/de`, or nothing), and `$foghorn_moved` where a page is by now that had an address in a language which is the first
 * today, or not offered. Of letters that cannot do harm in a header alone.
 * @param files of the export: one page for what is not there lies in each language's folder
 */
export function nginxLanguages(files: readonly string[]): string {
  const offered = files.flatMap((file) =>
    file.endsWith(`/${NOT_FOUND}`) ? [file.split('/')[0] as string] : [],
  );
  const gone = Object.keys(LOCALES).filter((locale) => !offered.includes(locale));
  const starts = offered.map((locale) => `  "~^/${locale}(/|$)" /${locale};\n`);
  return [
    `map $uri $foghorn_language {\n  default "";\n${starts.join('')}}\n`,
    'map $uri $foghorn_moved {\n  default "";\n',
    `  "~^/(?:${gone.join('|')})/?$" /;\n`,
    `  "~^(?=[A-Za-z0-9._~/-]*$)/(?:${gone.join('|')})(?<foghorn_to>${MOVES})$" $foghorn_to;\n}\n`,
  ].join('');
}
