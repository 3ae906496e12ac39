import type { Database } from 'sqlite3';

/** Kept from the collector, which would close them. */
const held = new Set<Database>();

/**
 * Takes a lock that one process of this machine can hold at a time, by the system's own locks on a file (SQLite's way to them): it ends with
 * the process, however that ends, so nothing is ever left locked. What the file holds does not matter; it stays.
 * @returns whether this process holds it now, until it ends; false while another does
 */
export async function takeLock(file: string): Promise<boolean> {
  const { default: sqlite3 } = await import('sqlite3');
  const database = await new Promise<Database>((resolve, reject) => {
    const opened = new sqlite3.Database(file, (error) => (error ? reject(error) : resolve(opened)));
  });
  try {
    await new Promise<void>((resolve, reject) =>
      database.exec('begin exclusive', (error) => (error ? reject(error) : resolve())),
    );
    held.add(database);
    return true;
  } catch (error) {
    await new Promise((resolve) => database.close(resolve));
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return false;
    throw error;
  }
}
