import { openDatabase } from '#db/open.ts';

/**
 * Someone else's process that keeps the database to itself: `node lock.ts DATABASE_URL` says "locked", and lets go at the next line of its
 * standard input. It writes as every process of ours does: SQLite takes one writer, and on Postgres ours take turns.
 */
const db = await openDatabase(process.argv[2] as string);
await db.write(async () => {
  console.log('locked');
  await new Promise((resolve) => process.stdin.once('data', resolve).once('end', () => process.exit(1)));
});
await db.close();
console.log('let go');
process.exit(0);
