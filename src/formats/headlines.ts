/** How things are, in one sentence for each language that the page is offered in. */
export type Headlines = Readonly<Record<string, string>>;

/**
 * How the first page tells the server what it says, so that it is still known when the page cannot be asked: a header between the two,
 * never sent on. Only `/` has it, in every language: it alone is always kept up to date.
 */
export const HEADLINES_HEADER = 'x-foghorn-headlines';

/** A header holds no other letters than English ones. */
export function headlinesText(headlines: Headlines): string {
  return encodeURIComponent(JSON.stringify(headlines));
}

/** @param text as `headlinesText` wrote it */
export function readHeadlines(text: string): Headlines {
  return JSON.parse(decodeURIComponent(text));
}
