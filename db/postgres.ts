import { AsyncLocalStorage } from 'node:async_hooks';
import type { ClientConfig, Connection, Pool as PgPool } from 'pg';

/**
 * How long the server may leave something of ours without an answer. A connection can die without a word (a failed link, a machine that is
 * gone, a proxy that forgot it), and whoever waits on it would wait for ever; keep-alive finds that out only while nothing is on its way.
 * - A statement: the longest that there are take seconds (a chunk of a fan-out, a count of a long queue), and the longest wait is that for
 *   the writer, whose holders take seconds each. Past this limit whoever waited has begun nothing, and tries again. It goes by statements:
 *   a snapshot may be held for as long as an export or a backup takes to read it. Migrations have no limit (`withoutLimit`).
 * - A connection, from its first byte until it may be asked. Not the wait for a free one of the pool: that is as long as others' work.
 */
const LIMITS = { statementMs: 120_000, connectMs: 10_000 };

const unlimited = new AsyncLocalStorage<true>();

/** Runs what may rightly take very long: whoever migrates a big table, and who waits for that. */
export function withoutLimit<T>(work: () => Promise<T>): Promise<T> {
  return unlimited.run(true, work);
}

/** Connections to a Postgres. One that leaves a statement without an answer is given up, and never used again. */
export async function openPool(url: string, { statementMs, connectMs } = LIMITS): Promise<PgPool> {
  const { Client, Pool, types } = (await import('pg')).default;
  types.setTypeParser(types.builtins.INT8, Number);
  type Query = (...args: unknown[]) => Promise<unknown>;

  class LimitedClient extends Client {
    constructor(config: ClientConfig) {
      super({ ...config, connectionTimeoutMillis: connectMs });
      // One that breaks while it is in use says so to whoever asks it next; nobody else has to hear of it.
      this.on('error', () => undefined);
      const ask = super.query.bind(this) as Query;
      let lost: Error | null = null;
      // pg's own query_timeout would leave the dead connection in the pool, for the next one to wait on.
      const query: Query = async (...args) => {
        if (lost) throw lost;
        if (unlimited.getStore()) return ask(...args);
        const timer = setTimeout(() => {
          lost = new Error(`The database has not answered for ${statementMs / 1000} seconds.`);
          // To take leave of it would be to wait once more.
          (this as unknown as { connection: Connection }).connection.stream.destroy();
        }, statementMs);
        try {
          return await ask(...args);
        } catch (error) {
          throw lost ?? error;
        } finally {
          clearTimeout(timer);
        }
      };
      this.query = query as typeof this.query;
    }
  }
  const Limited = LimitedClient as unknown as typeof Client;
  const pool = new Pool({ connectionString: url, max: 10, keepAlive: true, Client: Limited });
  // An idle connection that drops must not end the process: the next query opens another.
  pool.on('error', () => undefined);
  return pool;
}
