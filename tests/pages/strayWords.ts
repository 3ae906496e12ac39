/** Everything that a reader sees or hears: text, and the attributes that hold words. */
export function wordsOf(html: string): string[] {
  // In <code> stands what no language changes.
  const shown = html.replace(/<(style|script|code)\b[\s\S]*?<\/\1>|<!--[\s\S]*?-->|<!doctype[^>]*>/gi, '');
  const attributes = [...shown.matchAll(/<meta (?:name|property)="[^"]*" content="([^"]*)"/g)]
    .map((match) => match[1] as string)
    .filter((text) => !/^(https?:|width=|light dark|website|noindex)/.test(text));
  const told = [...shown.matchAll(/\s(?:aria-label|title|alt|placeholder|data-words)="([^"]*)"/g)].map(
    (match) => match[1] as string,
  );
  const text = shown.replace(/<[^>]*>/g, '\n').split('\n');
  return [...attributes, ...told, ...text].map((one) => one.trim()).filter(Boolean);
}

/** Those of a page in the language en-XA that the catalogue does not have, where all that was typed is in other letters. */
export function strayWords(html: string): string[] {
  return wordsOf(html)
    .filter((text) => /[A-Za-z]/.test(strayIn(text)))
    .map((text) => text.slice(0, 100));
}

/** What is left of it once the catalogue's own words, the names of zones and formats, and other languages' own names are out. */
export function strayIn(text: string): string {
  return (
    text
      .replace(/⟦[^⟧]*⟧/g, ' ')
      // Addresses; and what the script is told to ask Intl for.
      .replace(/\S+@example\.com\S*|https?:\/\/\S+/g, '')
      .replace(/^ka\|/, '')
      .replace(/\b(UTC|Atom|RSS|Standard Webhooks|English|Deutsch|[A-Z]\w+(\/[\w+-]+)+)\b/g, '')
      .replace(/&#?\w+;/g, '')
  );
}
