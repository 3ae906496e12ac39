import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { compileTemplates } from '#emails/compile.ts';

it('is what the .mjml files compile to today (if not: node emails/compile.ts)', async () => {
  expect(await readFile('emails/compiled.ts', 'utf8')).toBe(await compileTemplates('emails'));
});

it('asks no one else for fonts, styles or pictures', async () => {
  const compiled = await compileTemplates('emails');
  const addresses = new Set(compiled.match(/https?:\/\/[^\s"\\]+/g));
  expect([...addresses]).toEqual(['http://www.w3.org/1999/xhtml']);
  expect(compiled).not.toMatch(/<img|<link|@import|url\(/);
});
