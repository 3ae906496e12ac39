import { expect, it } from 'vitest';
import { isPublicId } from '#domain/ids.ts';

it.each(['k3v9q0x2m7ab', '0', 'kctbh9vrtdwd', 'INC-2026_1', 'a'.repeat(40)])('%s may be an id', (text) =>
  expect(isPublicId(text)).toBe(true),
);

it.each([
  '',
  '-a',
  '_a',
  '.',
  '..',
  'a/b',
  'a.b',
  'a%2fb',
  'a b',
  'ä',
  'a\n',
  'a\u0000',
  "a'--",
  'a'.repeat(41),
])('%j may not', (text) => expect(isPublicId(text)).toBe(false));
