import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(resolve(ROOT, path), 'utf8');

describe('the README', () => {
  it('points only at what is there', () => {
    const targets = [...read('README.md').matchAll(/\]\(([^)#]+)\)/g)].map(([, target]) => target as string);
    const here = targets.filter((target) => !/^https?:/.test(target));
    expect(here.length).toBeGreaterThan(0);
    expect(here.filter((target) => !existsSync(resolve(ROOT, target)))).toEqual([]);
  });

  it('maps rooms that are there', () => {
    const map = /```\nsrc\/domain[\s\S]*?```/.exec(read('README.md'))?.[0] ?? '';
    const rooms = [...map.matchAll(/(?:^|\s)((?:src|db|emails|tests)\/[\w/.]*)/gm)].map(
      ([, room]) => room as string,
    );
    expect(rooms.length).toBeGreaterThan(10);
    expect(rooms.filter((room) => !existsSync(resolve(ROOT, room)))).toEqual([]);
  });

  it('names commands that package.json has', () => {
    const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
    const named = [...read('README.md').matchAll(/npm (?:run )?(?!ci\b|run\b)([a-z:]+)/g)].map(
      ([, name]) => name,
    );
    const known = new Set<string | undefined>([...scripts, 'brings', 'compiles']);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('.env.example', () => {
  it('offers exactly the settings that are read', () => {
    const offered = [...read('.env.example').matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name);
    const readThere = [...read('src/config.ts').matchAll(/\bget\('([A-Z_]+)'\)/g)].map(([, name]) => name);
    expect([...new Set(offered)].sort()).toEqual([...new Set(readThere)].sort());
  });
});
