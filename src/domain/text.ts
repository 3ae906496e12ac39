import { z } from 'zod';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]/;
const LINE_BREAK = /[\n\r\t]/;
/** Marks that turn the reading direction of what follows: in a title they could make it read as something else. */
const DIRECTION = /[\u202a-\u202e\u2066-\u2069]/;

/** Something that shows: a text of zero-width marks alone is as good as none. */
const VISIBLE = /[^\s\p{Cf}\p{Zs}]/u;

/** One line that a person typed: trimmed, not empty, at most `max` characters, no control characters or line breaks. */
export function singleLine(max: number, name = 'This') {
  return z
    .string({ error: `${name} is missing.` })
    .transform((text) => text.trim())
    .pipe(
      z
        .string()
        .refine((text) => VISIBLE.test(text), `${name} is empty. Write something.`)
        .max(max, `${name} is too long: at most ${max} characters.`)
        .refine((text) => !LINE_BREAK.test(text), `${name} must be one line. Remove the line breaks.`)
        .refine(
          (text) => !CONTROL.test(text) && !DIRECTION.test(text),
          `${name} holds invisible control characters. Type it again, or paste it as plain text.`,
        ),
    );
}

/** Several lines that a person typed; Windows line ends become \n. */
export function multiLine(max: number, name = 'This') {
  return z
    .string({ error: `${name} is missing.` })
    .transform((text) => text.replace(/\r\n?/g, '\n').trim())
    .pipe(
      z
        .string()
        .refine((text) => VISIBLE.test(text), `${name} is empty. Write something.`)
        .max(max, `${name} is too long: at most ${max} characters.`)
        .refine(
          (text) => !CONTROL.test(text) && !DIRECTION.test(text),
          `${name} holds invisible control characters. Type it again, or paste it as plain text.`,
        ),
    );
}

/** The schema made optional the way forms are: an empty or missing field is null. */
export function optional<T extends z.ZodType>(schema: T) {
  return z.preprocess(
    (value) => (typeof value === 'string' && value.trim() === '' ? null : (value ?? null)),
    schema.nullable(),
  );
}

/** What a mail address must be here: one `@`, a domain with a dot, ASCII local part, no control characters, at most 254. */
export function parseAddress(text: string): string | null {
  const typed = text.trim();
  // What would be a port, a path or an escape in a URL has no place in a domain, and must not vanish in silence.
  if (
    typed.length > 254 ||
    CONTROL.test(typed) ||
    !/^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[^@\s/\\:?#%]+$/i.test(typed)
  )
    return null;
  const at = typed.lastIndexOf('@');
  const host = URL.parse(`http://${typed.slice(at + 1)}`)?.hostname;
  if (!host || !LABELS.test(host)) return null;
  const local = typed.slice(0, at);
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..')) return null;
  const address = `${local}@${host}`.toLowerCase();
  return address.length > 254 ? null : address;
}

/** A domain's labels in ASCII, 63 characters at most each, no hyphen at either end; the last one is no number. */
const LABELS = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/i;

/** Every mail address in a text, masked: what a stranger's machine says may quote one, of this person or of another. */
export function maskAddressesIn(text: string): string {
  return text.replace(ADDRESSES, maskAddress);
}

/** The same for a log, which names nobody: nothing of an address is left. */
export function withoutAddresses(text: string): string {
  return text.replace(ADDRESSES, '<address>');
}

/**
 * What stands around an address in a sentence is none of it, quotation marks before it included. Either half may be in its own brackets:
 * "mia berg"@[192.0.2.1] (RFC 5321).
 */
const ADDRESSES =
  /(?:"[^"\r\n]*"|(?<![^\s<>()[\]"',;:`])(?:[^\s<>()[\]"',;:`][^\s<>()[\]",;:]*|['`]+))@(?:\[[^\s\]]*\]|[^\s<>()[\]"',;:`]+)/g;

/** "m***@example.com": enough of an address for its owner to know it, and for no one else. */
export function maskAddress(address: string): string {
  return address.replace(/^(.)[^@]*/, '$1***');
}
