import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import { afterAll, expect, it } from 'vitest';
import { postNotice, states } from '../delivery/support.ts';
import { freshSqlite } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { isWorkLeft } from './people.ts';
import { endAll, loadAhead, until } from './processes.ts';

/**
 * SMTP has no idempotency key, so a crash may repeat what was in flight, and nothing else: a real worker process is killed with
 * SIGKILL at eight chosen moments, most of them the worst one, when the server has a whole mail and its "250" has not been read.
 */
const PEOPLE = 300;
/** What the product sends at once (README, "at most the 2 mails in flight"). */
const IN_FLIGHT = 2;
/** After this many more mails, at this moment of one. */
const KILLS = [
  { after: 1, at: 'taken' },
  { after: 17, at: 'recipient' },
  { after: 30, at: 'taken' },
  { after: 30, at: 'answered' },
  { after: 41, at: 'taken' },
  { after: 9, at: 'answered' },
  { after: 10, at: 'taken' },
  { after: 52, at: 'taken' },
] as const;
type Moment = (typeof KILLS)[number]['at'];

const ends: (() => unknown)[] = [];
afterAll(async () => {
  await endAll();
  for (const end of ends.reverse()) await end();
});

it(`${KILLS.length} kills over ${PEOPLE} people by SMTP: nobody is missed, and at most ${IN_FLIGHT} a kill are mailed again`, async () => {
  const db = await freshSqlite();
  ends.push(db.close);
  await makeSubscribers(db, PEOPLE);
  await postNotice(db, new Date().toISOString());

  const taken = new Map<string, number>();
  const reached = (who: string) => taken.set(who, (taken.get(who) ?? 0) + 1);
  /** Called at each moment of each mail; a promise keeps the server from going on. */
  let watch: (moment: Moment) => Promise<void> | void = () => undefined;
  const url = await startSmtp({
    recipient: () => watch('recipient'),
    async message(session) {
      reached(session.envelope.rcptTo[0]!.address);
      await watch('taken');
    },
    answered: () => watch('answered'),
  });

  const load = () => loadAhead({ databaseUrl: `sqlite:${db.file}`, transport: 'smtp', provider: url });
  let spare = load();
  const next = async () => {
    const worker = await spare;
    spare = load();
    return worker;
  };
  for (const { after, at } of KILLS) {
    const worker = await next();
    let left = after;
    watch = (moment) => {
      if (moment !== at || --left > 0) return;
      // From here on the server does no more than a dead client lets it: an answer now is read by no one.
      return worker.kill();
    };
    await worker.begin();
    await worker.ended;
    expect(left).toBeLessThanOrEqual(0);
    expect(await isWorkLeft(db), 'the kill came while work was left').toBe(true);
  }
  watch = () => undefined;
  await (await next()).begin();
  await until(async () => !(await isWorkLeft(db)));
  expect(await states(db)).toEqual({ accepted: PEOPLE });

  const mails = [...taken.values()].reduce((sum, count) => sum + count, 0);
  console.log(`chaos: ${KILLS.length} kills by SMTP, ${PEOPLE} people, ${mails - PEOPLE} mailed again`);
  expect(taken.size).toBe(PEOPLE);
  expect(mails - PEOPLE).toBeLessThanOrEqual(IN_FLIGHT * KILLS.length);
});

type Watcher = {
  recipient: () => Promise<void> | void;
  message: (session: SMTPServerSession) => Promise<void>;
  answered: () => void;
};

/** A real SMTP server. @returns its address */
async function startSmtp(watcher: Watcher): Promise<string> {
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    closeTimeout: 1,
    async onRcptTo(_address, _session, done) {
      await watcher.recipient();
      done();
    },
    async onData(stream, session, done) {
      try {
        for await (const _ of stream);
      } catch {
        // Killed before the mail was whole: it was not taken.
        return;
      }
      await watcher.message(session);
      done();
      watcher.answered();
    },
  });
  // Killed clients cut their connections.
  smtp.on('error', () => undefined);
  ends.push(() => new Promise<void>((resolve) => smtp.close(() => resolve())));
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  return `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`;
}
