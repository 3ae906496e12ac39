import type { Db } from './open.ts';

/**
 * Runs work that reads many times and must see one state throughout: every `read` of the database it is given is of one and the same
 * snapshot, however long it takes and whatever is written meanwhile. That database cannot be written to.
 */
export function readSnapshot<T>(db: Db, work: (snapshot: Db) => Promise<T>): Promise<T> {
  return db.read((tx) =>
    work({
      dialect: db.dialect,
      file: db.file,
      read: (query) => query(tx),
      write: () => Promise.reject(new Error('A snapshot cannot be written to.')),
      writing: () => 0,
      close: () => Promise.resolve(),
    }),
  );
}
