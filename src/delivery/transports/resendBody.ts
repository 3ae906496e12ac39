import { type Slot as SlotName, slotValue } from '#emails/slots.ts';
import { escapeHtml } from '#emails/template.ts';
import { type Letter, type Mail, mailboxText, type Sender } from '../mail.ts';

/**
 * The JSON of a batch. A notice's text is escaped and encoded once, and what is personal is put between the pieces: the bytes are those
 * of JSON.stringify at a small part of its cost, and no string as long as the batch comes into being.
 * @param mark what its events will carry, to tell them from those of others that use the same account
 */
export function buildBody(mails: readonly Mail[], sender: Sender, mark: string): Buffer {
  const opening = `{"from":${JSON.stringify(mailboxText(sender.from))},"to":[`;
  const installation = `{"name":"installation","value":"${mark}"}`;
  const pieces: (string | Buffer)[] = [];
  for (const [index, mail] of mails.entries()) {
    const { fixed, slots } = encodedLetter(mail.letter);
    pieces.push(`${index ? ',' : '['}${opening}${JSON.stringify(mail.address)}]`, fixed[0] as Buffer);
    for (const [at, { slot, write }] of slots.entries())
      pieces.push(write(slotValue(slot, mail)), fixed[at + 1] as Buffer);
    const answers = mail.replyTo ?? sender.replyTo;
    const replyTo = answers ? `,"reply_to":${JSON.stringify(mailboxText(answers))}` : '';
    pieces.push(
      `${JSON.stringify(mail.headers)}${replyTo}` +
        `,"tags":[{"name":"delivery_id","value":"${mail.deliverySeq}"},${installation}]}`,
    );
  }
  pieces.push(mails.length ? ']' : '[]');
  return concat(pieces);
}

function concat(pieces: readonly (string | Buffer)[]): Buffer {
  let size = 0;
  for (const piece of pieces) size += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
  const bytes = takeBuffer(size);
  let at = 0;
  for (const piece of pieces)
    at += typeof piece === 'string' ? bytes.write(piece, at) : piece.copy(bytes, at);
  return bytes;
}

/**
 * Bodies are megabytes that live for one call. New memory for each would make the collector run every few calls, over everything
 * else that the process holds; so a few are used again and again.
 */
const spare: ArrayBuffer[] = [];
const SPARE = 16;
const GRAIN = 1 << 18;

function takeBuffer(size: number): Buffer {
  const at = spare.findIndex((memory) => memory.byteLength >= size);
  const [memory] = at < 0 ? [] : spare.splice(at, 1);
  return Buffer.from(memory ?? new ArrayBuffer(Math.ceil(size / GRAIN) * GRAIN), 0, size);
}

/** Lets a body's memory be used for another. Nobody may look at it any more. */
export function releaseBody(bytes: Buffer): void {
  if (spare.length >= SPARE) spare.shift();
  spare.push(bytes.buffer as ArrayBuffer);
}

type Slot = { slot: SlotName; write: (value: string) => string };

/** What of a letter is the same for everyone, from its subject to its headers, and what goes between. */
type EncodedLetter = { fixed: Buffer[]; slots: Slot[] };

const encoded = new WeakMap<Letter, EncodedLetter>();

function encodedLetter(letter: Letter): EncodedLetter {
  let known = encoded.get(letter);
  if (!known) {
    const html = letter.html.segments.map(inJson);
    const text = letter.text.segments.map(inJson);
    const fixed = [
      `,"subject":${JSON.stringify(letter.notice.subject)},"html":"${html[0]}`,
      ...html.slice(1),
      ...text.slice(1),
    ];
    // The last piece of the one body and the first of the other are next to each other.
    fixed[html.length - 1] += `","text":"${text[0]}`;
    fixed[fixed.length - 1] += '","headers":';
    const inHtml = (value: string) => inJson(escapeHtml(value));
    known = {
      fixed: fixed.map((piece) => Buffer.from(piece)),
      slots: [
        ...letter.html.slots.map((slot) => ({ slot, write: inHtml })),
        ...letter.text.slots.map((slot) => ({ slot, write: inJson })),
      ],
    };
    encoded.set(letter, known);
  }
  return known;
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
