import type { CompiledQuery, RootOperationNode } from 'kysely';
import { CompiledQuery as Query } from 'kysely';
import type { Db, Tx } from '#db/open.ts';

/** How SQLite does one statement: its text, and a line for each table it reads. */
export type Plan = { sql: string; lines: string[] };

/**
 * Runs `work` over a database that notes each statement it reads or changes rows with, and asks SQLite how it does them. Nothing gathers statistics, so
 * the plans are the same whether a table has ten rows or a million.
 */
export async function plansOf(db: Db, work: (db: Db) => Promise<unknown>): Promise<Plan[]> {
  const statements = new Map<string, CompiledQuery>();
  const watched = (tx: Tx): Tx => {
    const note = (node: RootOperationNode, queryId: { queryId: string }) => {
      const compiled = tx.getExecutor().compileQuery(node, queryId);
      if (/^\s*(select|update)/i.test(compiled.sql)) statements.set(compiled.sql, compiled);
      return node;
    };
    const plugin = {
      transformQuery: (args: { node: RootOperationNode; queryId: { queryId: string } }) =>
        note(args.node, args.queryId),
      transformResult: async <T>({ result }: { result: T }) => result,
    };
    return Object.assign(tx.withPlugin(plugin), { dialect: tx.dialect }) as Tx;
  };
  await work({
    ...db,
    read: (read) => db.read((tx) => read(watched(tx))),
    write: (write) => db.write((tx) => write(watched(tx))),
  });
  const plans: Plan[] = [];
  for (const { sql, parameters } of statements.values()) {
    const { rows } = await db.read((tx) =>
      tx.executeQuery<{ detail: string }>(Query.raw(`explain query plan ${sql}`, [...parameters])),
    );
    plans.push({ sql, lines: rows.map(({ detail }) => detail) });
  }
  return plans;
}
