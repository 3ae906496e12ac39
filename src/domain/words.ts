/** A message in the forms that a language has for counts (Intl.PluralRules); every language has `other`. */
export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** What stands in a message's places. */
export type Filling = Readonly<Record<string, string | number>>;

/**
 * The message with its `{places}` filled. What was filled in is never looked at again.
 * @throws when a place has no value
 */
export function fill(message: string, filling: Filling): string {
  return message.replace(PLACE, (_, name: string) => {
    const value = filling[name];
    if (value === undefined) throw new Error(`Nothing fills {${name}} in “${message}”.`);
    return String(value);
  });
}

const PLACE = /\{([a-z]+)\}/gi;

/** A message as its words and, between them, the names of its places: for those who put markup there. */
export function piecesOf(message: string): { words: string; place: string | null }[] {
  const pieces = message.split(PLACE);
  const found = [];
  for (let i = 0; i < pieces.length; i += 2)
    found.push({ words: pieces[i] as string, place: pieces[i + 1] ?? null });
  return found;
}

/** What a message says before and after its {time}, which is told apart. Split first: what fills it may look like a place. */
export function aroundTime(message: string, filling: Filling = {}): [before: string, after: string] {
  const [before = '', after = ''] = message.split('{time}');
  return [fill(before, filling), fill(after, filling)];
}

const rules = new Map<string, Intl.PluralRules>();
const lists = new Map<string, Intl.ListFormat>();

/** The form for that count, filled; `{count}` is the count. */
export function counted(tag: string, forms: Plural, count: number, filling: Filling = {}): string {
  const rule = rules.get(tag) ?? new Intl.PluralRules(tag);
  rules.set(tag, rule);
  return fill(forms[rule.select(count)] ?? forms.other, { count, ...filling });
}

/** "A, B and C". */
export function enumerated(tag: string, names: readonly string[]): string {
  const format = lists.get(tag) ?? new Intl.ListFormat(tag);
  lists.set(tag, format);
  return format.format(names);
}
