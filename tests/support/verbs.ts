import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ctx } from '#db/context.ts';

export type Verb = (ctx: Ctx, ...rest: unknown[]) => unknown;

/** What pages and commands import from the services and from who keeps the accounts: the doors that there are, by name. */
export async function findVerbs(): Promise<Map<string, Verb>> {
  const found = new Map<string, Verb>();
  for (const room of ['pages', 'cli']) {
    const folder = join(import.meta.dirname, '../../src', room);
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(astro|ts)$/.test(file)) continue;
      const imports = readFileSync(join(folder, file), 'utf8').matchAll(
        /^import \{([^}]*)\} from '#(services\/\w+|auth\/accounts|auth\/invitations|auth\/pageAccess)\.ts';/gm,
      );
      for (const [, names, module] of imports) {
        const exported = await import(join(import.meta.dirname, `../../src/${module}.ts`));
        for (const name of (names as string).split(',').map((one) => one.trim().split(' as ')[0] as string))
          if (typeof exported[name] === 'function') found.set(name, exported[name]);
      }
    }
  }
  return found;
}
