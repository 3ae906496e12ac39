import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { openDatabase } from '#db/open.ts';
import { postNotice, rendered, states } from '../delivery/support.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { seededRandom } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';

/**
 * Lost 0, doubled 0: a real worker process is killed with SIGKILL at random moments of a fan-out, again and again. Resend runs in a
 * process of its own, takes its time, finishes what a dead caller began, and loses one answer in twenty.
 *
 * CHAOS_KILLS, CHAOS_PEOPLE and CHAOS_SEED make it larger or run the same moments again.
 */
const KILLS = Number(process.env.CHAOS_KILLS ?? 30);
const PEOPLE = Number(process.env.CHAOS_PEOPLE ?? 10_000);
const SEED = Number(process.env.CHAOS_SEED ?? 20_261_120);
const LATENCY_MS = 120;
const LOST_ANSWERS = 0.05;
/** A worker lives at most this long, from the moment that it begins. */
const LIFE_MS = 400;
const HERE = import.meta.dirname;

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

eachDatabaseUrl('killed with SIGKILL', (place) => {
  it(`${KILLS} kills over ${PEOPLE} people: everyone gets every notice exactly once`, {
    timeout: 0,
  }, async () => {
    const random = seededRandom(SEED);
    const databaseUrl = await place();
    const db = await openDatabase(databaseUrl);
    await migrate(db, new Date().toISOString());
    const resend = start('../support/fakeResend.ts', [
      '0',
      String(LATENCY_MS),
      String(LOST_ANSWERS),
      String(SEED),
    ]);
    const resendUrl = await firstLine(resend);
    await makeSubscribers(db, PEOPLE);

    let notices = 0;
    for (let kills = 0; kills < KILLS; ) {
      if (!(await workIsLeft())) {
        await postNotice(db, new Date().toISOString(), { mail: rendered(`Update ${++notices}`, 8_000) });
      }
      const worker = start('worker.ts', [databaseUrl, 'resend', resendUrl]);
      await firstLine(worker);
      await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS));
      const dead = once(worker, 'exit');
      worker.kill('SIGKILL');
      await dead;
      // A kill that came when all was done proves nothing.
      if (await workIsLeft()) kills++;
    }
    const last = start('worker.ts', [databaseUrl, 'resend', resendUrl]);
    while (await workIsLeft()) await new Promise((resolve) => setTimeout(resolve, 50));
    last.kill('SIGKILL');

    expect(await states(db)).toEqual({ accepted: PEOPLE * notices });
    const seen = (await (await fetch(`${resendUrl}/inspect`)).json()) as Record<string, unknown>;
    console.log(`chaos: seed ${SEED}, ${KILLS} kills, ${notices} notices, ${JSON.stringify(seen)}`);
    expect(seen).toMatchObject({ doubled: 0, people: PEOPLE * notices, mails: PEOPLE * notices });
    await db.close();

    async function workIsLeft(): Promise<boolean> {
      const open = await db.read((tx) =>
        tx
          .selectFrom('fanouts')
          .select('seq')
          .where('state', '=', 'expanding')
          .unionAll(
            tx.selectFrom('deliveries').select('seq').where('state', 'in', ['queued', 'in_batch']).limit(1),
          )
          .execute(),
      );
      return open.length > 0;
    }
  });
});

function start(script: string, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [join(HERE, script), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return chunk.toString().trim();
}
