import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { findChromium } from './browser.ts';

it('skips browser tests aloud where there is no Chromium, and fails where there has to be one', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  expect(findChromium([undefined, '/nowhere', process.execPath], true)).toBe(process.execPath);
  expect(warn).not.toHaveBeenCalled();
  expect(findChromium([undefined, '/nowhere'], false)).toBeNull();
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('SKIPPED'));
  expect(() => findChromium([undefined, '/nowhere'], true)).toThrow(/REQUIRE_CHROMIUM=1/);
  warn.mockRestore();
});

it('has to be one in the run before a change lands', () => {
  const run = readFileSync(new URL('../../.ci/run', import.meta.url), 'utf8');
  expect(run).toMatch(/^TEST_POSTGRES_URL=\S+ REQUIRE_CHROMIUM=1 REQUIRE_NGINX=1 npm test$/m);
});
