import fc from 'fast-check';
import { expect, it } from 'vitest';
import { safeNext } from '#auth/next.ts';

it.each([
  '/admin',
  '/admin/incidents/abc123def456',
  '/admin/incidents/abc123def456?draft=1&then=%2Fadmin#update',
  '/history/2026-11',
])('goes on to %s', (next) => expect(safeNext(next)).toBe(next));

it.each([
  '',
  'admin',
  'https://evil.example/',
  'https:evil.example',
  'HTTPS://evil.example',
  'javascript:alert(1)',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '/\\/evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  ' //evil.example',
  '/ /evil.example',
  '/..%2fevil',
  '/%2e%2e/evil',
  '/%2f/evil.example',
  '/%5cevil.example',
  '/%255cevil.example',
  '/admin/..//evil.example',
  '/admin/../..//evil.example',
  '/admin/./x',
  '/admin%0d%0aSet-Cookie:x=1',
  '/admin\r\nSet-Cookie: x=1',
  '/admin\u2028',
  '/ädmin',
  '/admin/login',
  '/admin/login?next=/admin/login',
  '/admin/logout',
  `/${'a'.repeat(2_000)}`,
])('goes to the admin instead of %j', (next) => expect(safeNext(next)).toBe('/admin'));

it('never leaves this host, whatever is asked', () => {
  const piece = fc.constantFrom(
    '/',
    '\\',
    '.',
    '..',
    '%2f',
    '%5c',
    '%09',
    '\t',
    ':',
    '@',
    'evil.example',
    'https',
    '?',
    '#',
    'admin',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      ),
      (next) => {
        const chosen = safeNext(next);
        expect(new URL(chosen, 'https://status.example.com/admin/login').origin).toBe(
          'https://status.example.com',
        );
        expect(chosen).toMatch(/^\/[\x21-\x7e]*$/);
      },
    ),
    { numRuns: 2_000 },
  );
});
