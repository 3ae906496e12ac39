import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The import rules of the house, executed over every file of it. */
const ROOT = resolve(import.meta.dirname, '..');

const ALIASES = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).imports as Record<
  string,
  string
>;

/** Which rooms a room may import. A room not named here may import nothing. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: [],
  db: ['domain', 'i18n'],
  // What pages and mails say, in every language.
  i18n: ['domain'],
  emails: ['domain', 'i18n'],
  services: ['domain', 'db', 'emails', 'formats', 'i18n'],
  delivery: ['domain', 'db', 'emails', 'i18n'],
  clock: ['domain', 'db', 'services'],
  auth: ['domain', 'db'],
  formats: ['domain'],
  layouts: ['domain', 'components', 'layouts', 'i18n'],
  components: ['domain', 'components', 'i18n'],
  pages: ['services', 'auth', 'domain', 'formats', 'layouts', 'components', 'pages', 'i18n'],
  middleware: ['auth', 'server', 'domain', 'i18n'],
  config: ['i18n'],
  log: [],
  // What the server and the command line both stand on: opening the database and wiring it.
  foghorn: ['config', 'log', 'db', 'auth', 'services', 'delivery', 'domain'],
  cli: ['services', 'auth', 'delivery', 'clock', 'db', 'domain', 'config', 'foghorn', 'log'],
  server: ['*'],
};

/** Packages that one room alone may know. `types` of them are no exception. */
const ONLY_IN: readonly { package: RegExp; room: string }[] = [
  { package: /^(kysely|sqlite3|pg)(\/|$)/, room: 'db' },
  { package: /^(resend|nodemailer)(\/|$)/, room: 'delivery' },
  { package: /^mjml(\/|$)/, room: 'emails' },
  { package: /^(lucia|@node-rs\/argon2|rate-limiter-flexible)(\/|$)/, room: 'auth' },
];
const ASTRO_ROOMS = ['pages', 'layouts', 'components', 'middleware', 'server'];
/** Pure libraries: no clock, no I/O (of node:net its lists of addresses). Everything else that domain needs it has itself. */
const DOMAIN_PACKAGES = ['culori', 'markdown-it', 'sanitize-html', 'zod', 'node:net'];

type Source = { path: string; room: string; text: string; code: string; imports: Imported[] };
type Imported = { spec: string; typeOnly: boolean; target: string | null };

const SOURCES = ['src', 'db', 'emails'].flatMap((folder) => filesIn(join(ROOT, folder))).map(readSource);

describe('the house', () => {
  it('is found', () => {
    expect(SOURCES.length).toBeGreaterThan(150);
    expect(new Set(SOURCES.map(({ room }) => room))).toEqual(new Set([...Object.keys(MAY_IMPORT), 'env']));
  });

  it('imports along the lines of the plan', () => {
    const wrong = eachImport(({ room, path }, { target, typeOnly }) => {
      if (!target) return false;
      const to = roomOf(target);
      if (to === room || MAY_IMPORT[room]?.includes('*') || MAY_IMPORT[room]?.includes(to)) return false;
      // The context's type is what every service is called with.
      if (typeOnly && target === 'db/context.ts' && ['pages', 'components', 'middleware'].includes(room))
        return false;
      // Who speaks to a provider's hook knows how to read it.
      if (path.startsWith('src/pages/api/hooks/') && to === 'delivery') return false;
      return room !== 'env';
    });
    expect(wrong).toEqual([]);
  });

  it('knows each package behind its one seam', () => {
    const wrong = eachImport(({ room }, { spec }) =>
      ONLY_IN.some((rule) => rule.package.test(spec) && rule.room !== room),
    );
    expect(wrong).toEqual([]);
  });

  it('speaks SQL in db alone: a transaction is passed on, never queried, anywhere else', () => {
    const QUERY =
      /\.(selectFrom|insertInto|updateTable|deleteFrom|mergeInto|executeQuery|executeTakeFirst)\(|\bsql(<[^`]*>)?`/;
    const wrong = SOURCES.filter(({ room, code }) => room !== 'db' && QUERY.test(code));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('keeps Astro to the rooms that Astro builds, so that the command line runs the same code unbundled', () => {
    const wrong = SOURCES.filter(({ room }) => !ASTRO_ROOMS.includes(room) && room !== 'env').filter(
      ({ code, imports }) =>
        /import\.meta\.env/.test(code) ||
        imports.some(({ spec }) => /^astro(:|\/|$)/.test(spec) || spec.endsWith('.astro')),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('keeps domain pure: no I/O and only pure libraries', () => {
    const wrong = eachImport(
      ({ room }, { spec, target }) => room === 'domain' && !target && !DOMAIN_PACKAGES.includes(spec),
    );
    expect(wrong).toEqual([]);
  });

  it('reads no clock, chance or environment in domain, services, db and clock: they arrive in the context', () => {
    const wrong = SOURCES.filter(({ room }) => ['domain', 'services', 'db', 'clock'].includes(room)).filter(
      ({ code }) =>
        /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.env\b|\brandom(Bytes|UUID|Int)\b|performance\.now/.test(
          code,
        ),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('uses no path of its own file in rooms that are bundled: such a path changes with the bundle', () => {
    const wrong = SOURCES.filter(
      ({ room, path }) =>
        !['cli', 'pages', 'layouts', 'components', 'server'].includes(room) && path !== 'emails/compile.ts',
    ).filter(({ code }) => /import\.meta\.(url|dirname|filename)/.test(code));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('imports files with their endings, by alias or relatively within a room', () => {
    const wrong = eachImport(
      ({ room }, { spec, target }) =>
        (target !== null && !/\.(ts|astro|css)(\?raw)?$/.test(spec) && spec !== '#config') ||
        (spec.startsWith('.') &&
          target !== null &&
          roomOf(target) !== room &&
          !['foghorn', 'log', 'config'].includes(roomOf(target))),
    );
    expect(wrong).toEqual([]);
  });

  it('has no circles', () => {
    expect(circles(SOURCES)).toEqual([]);
  });

  it('has no rooms for odds and ends', () => {
    const names = SOURCES.filter(({ path }) =>
      /(^|\/)(utils?|helpers?|manager|common|misc)(\.|\/)/i.test(path),
    );
    expect(names.map(({ path }) => path)).toEqual([]);
  });
});

function eachImport(isWrong: (source: Source, imported: Imported) => boolean): string[] {
  return SOURCES.flatMap((source) =>
    source.imports
      .filter((imported) => isWrong(source, imported))
      .map(({ spec }) => `${source.path} imports ${spec}`),
  );
}

/** A cycle of imports that run; types vanish before anything runs. */
function circles(sources: readonly Source[]): string[] {
  const edges = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.flatMap(({ target, typeOnly }) => (target && !typeOnly ? [target] : [])),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return found;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|astro)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function readSource(file: string): Source {
  const path = relative(ROOT, file);
  const text = readFileSync(file, 'utf8');
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
  return { path, room: roomOf(path), text, code, imports: importsOf(code, path) };
}

/** `src/domain/x.ts` -> domain; `src/config.ts` -> config; `db/x.ts` -> db. */
function roomOf(path: string): string {
  const [top, second] = path.split('/');
  if (top !== 'src') return top as string;
  return (second as string).replace(/(\.d)?\.ts$/, '');
}

function importsOf(code: string, path: string): Imported[] {
  const found = code.matchAll(
    /^\s*(?:import|export)\s+(type\s+)?(?:[^'"();]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm,
  );
  return [...found].map((match) => {
    const spec = (match[2] ?? match[3]) as string;
    const typeOnly = match[1] !== undefined || (match[2] !== undefined && isTypesOnly(match[0]));
    return { spec, typeOnly, target: targetOf(spec, path) };
  });
}

/** `import { type A, type B } from` */
function isTypesOnly(statement: string): boolean {
  const names = /^\s*(?:import|export)\s*\{([^}]*)\}/.exec(statement)?.[1];
  return names?.trim() ? names.split(',').every((name) => !name.trim() || /^\s*type\s/.test(name)) : false;
}

function targetOf(spec: string, from: string): string | null {
  if (spec.startsWith('.')) return relative(ROOT, resolve(ROOT, dirname(from), spec));
  if (!spec.startsWith('#')) return null;
  for (const [alias, target] of Object.entries(ALIASES)) {
    if (alias === spec) return target.replace(/^\.\//, '');
    const prefix = alias.replace(/\*$/, '');
    if (alias.endsWith('*') && spec.startsWith(prefix))
      return target.replace(/^\.\//, '').replace('*', spec.slice(prefix.length));
  }
  return null;
}
