import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
}

const readJson = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));

const { packages: LOCKED } = readJson('package-lock.json') as {
  readonly packages: Readonly<Record<string, Locked>>;
};

/** Where Node would find a package for another, as the lock file has it: beside it, or beside one that holds it. */
const isLocked = (from: string, name: string): boolean => {
  const beside = from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`;
  if (beside in LOCKED) return true;
  if (from === '') return false;
  const cut = from.lastIndexOf('/node_modules/');
  return isLocked(cut < 0 ? '' : from.slice(0, cut), name);
};

describe('package-lock.json', () => {
  it('holds every package that another names, for every platform: npm ci refuses a lock file with a gap', () => {
    const gaps = Object.entries(LOCKED).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isLocked(path, name))
        .map((name) => `${path} needs ${name}`),
    );
    expect(gaps).toEqual([]);
  });

  it('has no install script that package.json has not approved, so that a stricter npm installs the same', () => {
    const { allowScripts } = readJson('package.json') as { readonly allowScripts: Record<string, boolean> };
    const scripted = Object.entries(LOCKED)
      .filter(([, { hasInstallScript, optional }]) => hasInstallScript && !optional)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    expect([...new Set(scripted)].sort()).toEqual(Object.keys(allowScripts).sort());
  });

  it('names no download address, so that every machine installs from its own registry', () => {
    expect(Object.entries(LOCKED).filter(([, { resolved }]) => resolved?.startsWith('http'))).toEqual([]);
  });
});
