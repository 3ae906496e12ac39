/** What a page says after a form was done with: `?done=KEY` picks from the page's own words, and says nothing else. */
export function doneText(url: URL, texts: Record<string, string>): string | undefined {
  const key = url.searchParams.get('done') ?? '';
  return Object.hasOwn(texts, key) ? texts[key] : undefined;
}
