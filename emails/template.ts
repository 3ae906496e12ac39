import { MOMENT } from './moments.ts';

/**
 * Fills our own templates with values. A template is HTML with `{{name}}`, `{{#name}}...{{/name}}` around what is repeated for each
 * record of a list (or left out when it is null or empty), and nothing else: no expression is ever run.
 *
 * Where a name stands decides how its value is written: escaped text, escaped attribute, an address that must be http, https
 * or mailto, or a colour. What was filled in is never looked at again. A name without a value, or a value without
 * a name, throws.
 */
export type Values = { [name: string]: Value };
export type Value = string | SafeHtml | Values | readonly Values[] | null;

/** HTML that is known to be safe: only a name in running text accepts it. */
export type SafeHtml = { readonly safeHtml: string };

/** A place for one person's address, left open until the mail is frozen. No typed text can hold these characters. */
export type SlotName = 'unsubscribe_url' | 'manage_url' | 'confirm_url' | 'leave_url' | 'hook_url';
const ADDRESS = 'unsubscribe_url|manage_url|confirm_url|leave_url|hook_url';
const ADDRESS_SLOT = new RegExp(`^\u0002(?:${ADDRESS})\u0003$`);
const WHOLE_SLOT = new RegExp(`^\u0002(?:${ADDRESS}|${MOMENT})\u0003$`);
/** Splits a text at its slots; every second part is a slot's name. */
export const SLOTS = new RegExp(`\u0002(${ADDRESS}|${MOMENT})\u0003`);

export function slot(name: SlotName): string {
  return `\u0002${name}\u0003`;
}

type Context = 'text' | 'attribute' | 'url' | 'colour';
type Node =
  | string
  | { name: string; context: Context }
  | { name: string; section: readonly Node[]; names: ReadonlySet<string> };
export type Template = { nodes: readonly Node[]; names: ReadonlySet<string> };

/** @throws when a section is not closed, or a name stands where no value is safe (in a comment, a tag, a style sheet) */
export function parseTemplate(source: string): Template {
  const open: { name: string; nodes: Node[]; names: Set<string> }[] = [
    { name: '', nodes: [], names: new Set() },
  ];
  let done = 0;
  for (const match of source.matchAll(/\{\{([#/]?)([a-z_]+)\}\}/g)) {
    const top = open.at(-1)!;
    if (match.index > done) top.nodes.push(source.slice(done, match.index));
    done = match.index + match[0].length;
    const [, sign, name] = match as unknown as [string, string, string];
    if (sign === '#') {
      top.names.add(name);
      open.push({ name, nodes: [], names: new Set() });
    } else if (sign === '/') {
      const closed = open.pop()!;
      if (closed.name !== name) throw new Error(`{{/${name}}} closes {{#${closed.name}}}.`);
      open.at(-1)!.nodes.push({ name, section: closed.nodes, names: closed.names });
    } else {
      top.names.add(name);
      top.nodes.push({ name, context: contextAt(source, match.index) });
    }
  }
  if (open.length > 1) throw new Error(`{{#${open.at(-1)!.name}}} is never closed.`);
  const root = open[0]!;
  root.nodes.push(source.slice(done));
  return root;
}

/** Reads backwards from the name: within a tag it stands in an attribute, else in text. */
function contextAt(source: string, index: number): Context {
  const before = source.slice(0, index);
  if (before.lastIndexOf('<!--') > before.lastIndexOf('-->') || /<style[^>]*>[^<]*$/i.test(before))
    throw new Error(`A name stands in a comment or a style sheet: ${source.slice(index, index + 40)}`);
  if (before.lastIndexOf('<') <= before.lastIndexOf('>')) return 'text';
  const attribute = /\s([a-z-]+)="([^"]*)$/i.exec(before.slice(before.lastIndexOf('<')));
  if (!attribute) throw new Error(`A name stands in a tag: ${source.slice(index, index + 40)}`);
  const [, name, start] = attribute as unknown as [string, string, string];
  if (name === 'style' && start.endsWith('color:')) return 'colour';
  if (name === 'href' && start === '') return 'url';
  if (/^(alt|title|class|aria-label|lang|datetime)$/.test(name)) return 'attribute';
  throw new Error(`No value is safe in ${name}="${start}".`);
}

/** @throws when a name has no value, a value has no name, or a value may not stand where its name does */
export function fillTemplate(template: Template, values: Values): string {
  for (const name of Object.keys(values))
    if (!template.names.has(name) && !usesWithin(template.nodes, name))
      throw new Error(`Nothing is called {{${name}}}.`);
  return write(template.nodes, [values]);
}

function usesWithin(nodes: readonly Node[], name: string): boolean {
  return nodes.some(
    (node) =>
      typeof node === 'object' &&
      'section' in node &&
      (node.names.has(name) || usesWithin(node.section, name)),
  );
}

function write(nodes: readonly Node[], scopes: readonly Values[]): string {
  let out = '';
  for (const node of nodes) {
    if (typeof node === 'string') out += node;
    else if ('section' in node) {
      for (const record of records(lookUp(scopes, node.name))) {
        for (const name of Object.keys(record))
          if (!node.names.has(name) && !usesWithin(node.section, name))
            throw new Error(`Nothing in {{#${node.name}}} is called {{${name}}}.`);
        out += write(node.section, [record, ...scopes]);
      }
    } else out += writeValue(node.name, node.context, lookUp(scopes, node.name));
  }
  return out;
}

function lookUp(scopes: readonly Values[], name: string): Value {
  const scope = scopes.find((values) => values[name] !== undefined);
  if (!scope) throw new Error(`{{${name}}} has no value.`);
  return scope[name] as Value;
}

function records(value: Value): readonly Values[] {
  if (value === null) return [];
  if (typeof value === 'string' || 'safeHtml' in value)
    throw new Error('A section needs a record, a list or null.');
  return Array.isArray(value) ? value : [value as Values];
}

function writeValue(name: string, context: Context, value: Value): string {
  if (typeof value === 'string') return escapeFor(name, context, value);
  if (value && context === 'text' && 'safeHtml' in value) return withoutControls(value.safeHtml as string);
  throw new Error(`{{${name}}} has a value that cannot stand there.`);
}

function escapeFor(name: string, context: Context, value: string): string {
  if (context === 'colour') {
    if (/^#[0-9a-f]{6}$/.test(value)) return value;
    throw new Error(`{{${name}}} is not a colour.`);
  }
  if (context === 'url' && !ADDRESS_SLOT.test(value) && !/^(https?:\/\/|mailto:)/i.test(value))
    throw new Error(`{{${name}}} is not an http, https or mailto address.`);
  return isSlot(value) ? value : escapeHtml(withoutControls(value));
}

/** The one value that may carry control characters is a whole slot, which only `slot()` makes. */
function isSlot(value: string): boolean {
  return WHOLE_SLOT.test(value);
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
}

/** Typed text arrives without them; here they are taken out once more, because a slot is written with them. */
export function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
