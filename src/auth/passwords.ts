import { hash, parseOptions, verify } from '@node-rs/argon2';
import { AppError } from '#domain/errors.ts';
import { COMMON_LONG, COMMON_WORDS } from './commonPasswords.ts';

export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 256;

/** argon2id as OWASP's Password Storage Cheat Sheet gives it: 19 MiB, two passes, one lane. */
const PARAMETERS = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Each hash holds a thread of the pool that the database reads on as well: two at once leave it room. */
const AT_ONCE = 2;
/** Past this many waiting, a guess more would only make everyone wait longer. */
const MOST_WAITING = 100;

export async function hashPassword(password: string): Promise<string> {
  return inTurn(() => hash(password.normalize('NFC'), PARAMETERS));
}

/**
 * Whether the password is the one. Without a stored hash (no such account, or one that has no password) it hashes all the same and
 * says no, so that time does not tell which accounts exist.
 */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  const against = stored || (await dummyHash());
  const candidate = password.length <= PASSWORD_MAX ? password.normalize('NFC') : '';
  const right = await inTurn(() => verify(against, candidate));
  return right && Boolean(stored);
}

/** True when the hash was made with other parameters than today's. */
export function needsRehash(stored: string): boolean {
  const { algorithm, memoryCost, timeCost, parallelism } = parseOptions(stored);
  return (
    algorithm !== PARAMETERS.algorithm ||
    memoryCost !== PARAMETERS.memoryCost ||
    timeCost !== PARAMETERS.timeCost ||
    parallelism !== PARAMETERS.parallelism
  );
}

/**
 * What is wrong with a password that someone wants, in words; null when nothing is. Length and unlikeliness count (NIST SP 800-63B,
 * ASVS 6.2): no rule asks for digits or marks.
 */
export function passwordProblem(password: string, email: string): string | null {
  const length = [...password].length;
  if (length < PASSWORD_MIN)
    return `The password has ${length} characters. Use at least ${PASSWORD_MIN}: three or four words in a row are easy to remember.`;
  if (password.length > PASSWORD_MAX) return `The password is too long: at most ${PASSWORD_MAX} characters.`;
  if (holdsAddress(password, email))
    return 'The password holds your email address, which is the first thing anyone would try. Choose another.';
  if (isCommon(password))
    return 'The password is one of those that many people use, so it would be guessed early. Choose another: three or four unrelated words are good.';
  return null;
}

function holdsAddress(password: string, email: string): boolean {
  const lower = password.toLowerCase();
  const local = email.toLowerCase().split('@')[0] as string;
  // A very short local part ("al@") is found in many good passwords by chance.
  return (
    (email !== '' && lower.includes(email.toLowerCase())) || (local.length >= 4 && lower.includes(local))
  );
}

function isCommon(password: string): boolean {
  const lower = password.toLowerCase();
  const plain = lower.replace(/[013457@$!]/g, (mark) => LOOKALIKES[mark] as string);
  return (
    [lower, plain].some((text) => {
      if (COMMON_LONG.has(text) || isRepeated(text) || isRow(text)) return true;
      // What is left without the digits and marks that stretch a word: "Password2026!", "!!welcome123".
      const core = text.replace(/^[^a-z]+|[^a-z]+$/g, '');
      return COMMON_WORDS.has(core) || COMMON_LONG.has(core) || (core !== '' && isRepeatedWord(core));
    }) || COMMON_WORDS.has(stripped(lower))
  );
}

const LOOKALIKES: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** A word whose letters were partly swapped and which digits follow: the digits go first, then the swaps are undone. */
function stripped(lower: string): string {
  return lower
    .replace(/^[^a-z@$]+|[^a-z]+$/g, '')
    .replace(/[013457@$!]/g, (mark) => LOOKALIKES[mark] as string);
}

/** One piece of at most six characters over and over: "abcabcabcabc", "aaaaaaaaaaaa". */
function isRepeated(text: string): boolean {
  return /^(.{1,6}?)\1+$/su.test(text);
}

function isRepeatedWord(text: string): boolean {
  const twice = /^(.+?)\1+$/su.exec(text);
  return twice !== null && COMMON_WORDS.has(twice[1] as string);
}

const ROWS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
];

/** A walk along the alphabet, the digits or the keyboard, either way. */
function isRow(text: string): boolean {
  const back = [...text].reverse().join('');
  return ROWS.some((row) => row.includes(text) || row.includes(back));
}

let dummy: Promise<string> | undefined;

function dummyHash(): Promise<string> {
  dummy ??= hashPassword('no account has this password');
  return dummy;
}

let running = 0;
const waiting: (() => void)[] = [];

/** @throws AppError `unavailable` when too many wait already */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) {
    if (waiting.length >= MOST_WAITING)
      throw new AppError('unavailable', 'Too many people are signing in at this moment.', {
        fix: 'Try again in a few seconds.',
        retryAfter: 5,
      });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running++;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    // The place is handed on, not freed and taken again: no one slips in between.
    if (next) next();
    else running--;
  }
}
