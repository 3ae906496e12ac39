import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '#db/open.ts';
import { cookieHeader } from '../auth/fixtures.ts';
import { foghorn, scratch } from '../cli/support.ts';
import { states } from '../delivery/support.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { type Answered, ask } from '../support/http.ts';
import { startServer } from '../support/server.ts';

const PASSWORD = 'nine quiet lanterns';
const PEOPLE = ['ada@x.example', 'ben@x.example', 'cleo@x.example'];

/** The built server and the command line beside it, each in a process of its own, as an operator runs them. */
eachDatabaseUrl('the installation', (place) => {
  it('is made, set up and driven from the command line and by forms; the page is fresh, and each mail leaves once', async () => {
    const dataDir = scratch();
    const DATABASE_URL = await place();
    const run = async (args: string[], stdin = '') => {
      const ran = await foghorn(dataDir, args, stdin, { DATABASE_URL });
      expect(ran.code, ran.said).toBe(0);
      return ran;
    };
    expect((await run(['migrate'])).said).not.toContain('up to date');
    await run(
      ['user', 'create', '--email', 'comms@x.example', '--role', 'owner', '--password-stdin'],
      PASSWORD,
    );
    await run(['import', 'subscribers', '-'], `email\n${PEOPLE.join('\n')}\n`);

    const server = await startServer({ dataDir, env: { DATABASE_URL } });
    onTestFinished(async () => void (await server.stop()));
    const page = async () => (await ask(server.url, '/')).body;
    let cookie = '';
    const send = async (path: string, fields: Record<string, string>): Promise<Answered> => {
      const answer = await ask(server.url, path, {
        method: 'POST',
        headers: { origin: server.url, 'content-type': 'application/x-www-form-urlencoded', cookie },
        body: new URLSearchParams(fields).toString(),
      });
      expect(answer.status, answer.body).toBe(303);
      return answer;
    };
    const signedIn = await send('/admin/login', { email: 'comms@x.example', password: PASSWORD });
    cookie = cookieHeader([signedIn.headers['set-cookie'] ?? []].flat());

    // By forms: what the answer promised, the very next request sees.
    const declared = await send('/admin/incidents/new', {
      do: 'declare',
      title: 'Checkout is failing',
      severity: 'SEV1',
    });
    expect(await page()).not.toContain('Checkout is failing');
    await send(new URL(declared.headers.location as string, server.url).pathname, {
      do: 'post',
      version: '1',
      audience: 'public',
      status: 'investigating',
      body: 'Some customers see an error when they pay.',
      notify: 'on',
    });
    expect(await page()).toContain('Some customers see an error when they pay.');

    // By a command, which is another process: the server notices by itself.
    const opened = await run([
      ...['incident', 'open', '--title', 'Search is slow', '--severity', 'SEV1'],
      ...['--body', 'Results take half a minute.'],
    ]);
    expect(opened.out.trim()).toMatch(/^[a-z0-9]{12}$/);
    await until(async () => (await page()).includes('Results take half a minute.'));

    // The server, and nobody else, sends what both of them posted.
    const db = await openDatabase(DATABASE_URL);
    onTestFinished(db.close);
    const expected = ['Checkout is failing', 'Search is slow'].flatMap((title) =>
      PEOPLE.map((person) => `${person} [Investigating] ${title}`),
    );
    await until(async () => (await states(db)).accepted === expected.length);
    expect(mailsIn(join(dataDir, 'mail')).sort()).toEqual(expected.sort());
    expect(await server.stop()).toBe(0);
  });
});

/** Asks again, at most so often: far more than the server's looks at its database are apart. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let asked = 0; asked < 1_000; asked++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('It never came.');
}

/** Address and subject of every mail that the file transport wrote. */
function mailsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((day) =>
    readdirSync(join(folder, day)).map((name) => {
      const mail = readFileSync(join(folder, day, name), 'utf8');
      const header = (wanted: string) => new RegExp(`^${wanted}: (.*)$`, 'm').exec(mail)?.[1];
      return `${header('To')} ${header('Subject')}`;
    }),
  );
}
