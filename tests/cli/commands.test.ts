import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '#db/open.ts';
import { untidySource } from '../services/statuspageImportFixture.ts';
import { foghorn, scratch, startFoghorn } from './support.ts';

const COMMANDS = [
  'migrate',
  'user create',
  'import statuspage',
  'import subscribers',
  'incident open',
  'incident update',
  'incident resolve',
  'backup',
  'restore',
  'worker',
];

it('lists every command, and each says how it is used', async () => {
  const dir = scratch();
  const { code, out, said } = await foghorn(dir, ['--help']);
  expect([code, said]).toEqual([0, '']);
  for (const command of COMMANDS) {
    expect(out).toContain(`  ${command} `);
    const help = await foghorn(dir, [...command.split(' '), '--help']);
    expect([help.code, help.said]).toEqual([0, '']);
    expect(help.out).toContain(`foghorn ${command}`);
  }
});

it.each([
  ['There is no command "nonsense". foghorn help lists them.', ['nonsense']],
  ['"import" needs a second word. It is one of: foghorn import statuspage, foghorn import', ['import']],
  ['There is no command "user delete". It is one of: foghorn user create.', ['user', 'delete']],
  ['The file is missing.', ['backup']],
  ['"b" is one argument too many.', ['backup', 'a', 'b']],
  ['There is no option --force here.', ['migrate', '--force']],
  ['There is no option --emial here. This command knows --email,', ['user', 'create', '--emial', 'x']],
  ['--email needs a value.', ['user', 'create', '--email']],
  ['--email is missing.', ['user', 'create', '--role', 'owner']],
  ['There is no role "king". Choose one of', ['user', 'create', '--email', 'a@b.example', '--role', 'king']],
  ['There is nothing to import.', ['import', 'statuspage']],
])('refuses with “%s”', async (message, args) => {
  const { code, out, said } = await foghorn(scratch(), args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(said).toContain(message);
  expect(said).not.toMatch(/\n {4}at /);
});

it('adds a user with a made-up password, or with one from standard input', async () => {
  const dir = scratch();
  const ada = await foghorn(dir, ['user', 'create', '--email', 'ada@harbour.example', '--role', 'owner']);
  expect(ada.code).toBe(0);
  expect(ada.out).toMatch(/^[a-z0-9]{4}(-[a-z0-9]{4}){4}\n$/);
  const ben = ['user', 'create', '--email', 'ben@harbour.example', '--role', 'comms', '--password-stdin'];
  const weak = await foghorn(dir, ben, 'short\n');
  expect(weak.code).toBe(1);
  expect(weak.said).toContain('The password has 5 characters. Use at least 12');
  expect(await foghorn(dir, ben, 'nine quiet lanterns\n')).toMatchObject({ code: 0, out: '' });
  const again = await foghorn(dir, ben, 'nine quiet lanterns\n');
  expect(again.code).toBe(1);
  expect(again.said).toContain('There is already a user with this address.');
});

it('says where it looked when there is no database', async () => {
  const dir = scratch();
  const { code, said } = await foghorn(dir, ['backup', join(dir, 'b.db')]);
  expect(code).toBe(1);
  expect(said).toContain(`There is no Foghorn database at ${join(dir, 'foghorn.db')}.`);
});

it('names a wrong setting and its fix', async () => {
  const dir = scratch();
  writeFileSync(join(dir, '.env'), 'DATABASE_URL=mysql://here\n');
  const { code, said } = await foghorn(dir, ['migrate']);
  expect(code).toBe(1);
  expect(said).toContain('DATABASE_URL is neither sqlite: nor postgres://.');
  expect(said).not.toMatch(/\n {4}at /);
});

it('imports a folder of a status page’s files, says what it did, and changes nothing the second time', async () => {
  const dir = scratch();
  const { page, components, incidents, maintenances } = untidySource();
  const files = {
    'components.json': { page, components },
    'incidents.json': { page, incidents },
    'summary.json': { page, incidents: incidents.slice(0, 2), scheduled_maintenances: maintenances },
    'notes.json': { note: 'nothing to import' },
  };
  const folder = join(dir, 'export');
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), JSON.stringify(content));
  const first = await foghorn(dir, ['import', 'statuspage', folder]);
  expect([first.code, first.said]).toEqual([0, '']);
  expect(first.out).toContain('Read        11 incidents, 17 updates, 6 components, 1 group');
  expect(first.out).toContain('Imported    9 incidents, 15 updates, 5 components, 1 group');
  expect(first.out).toContain('incforgotten "Imports are paused"');
  expect(first.out).toContain('notes.json was left out');
  expect(first.out).toMatch(
    /9 of 11 incidents and 15 of 17 updates are here: read 11 and 17, imported 9 and 15/,
  );
  const second = await foghorn(dir, ['import', 'statuspage', folder]);
  expect(second.out).toContain('Imported    0 incidents, 0 updates, 0 components, 0 groups');
  expect(second.out).toContain('Nothing changed: all of it was here already.');
});

it('imports from the address of a status page, and says when there is none', async () => {
  const dir = scratch();
  const { page, components, incidents, maintenances } = untidySource();
  const answers: Record<string, object> = {
    '/api/v2/components.json': { page, components },
    '/api/v2/incidents.json': { page, incidents },
    '/api/v2/scheduled-maintenances.json': { page, scheduled_maintenances: maintenances },
  };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const good = await foghorn(dir, ['import', 'statuspage', `${address}/`]);
  expect(good.code).toBe(0);
  expect(good.out).toContain('Imported    9 incidents, 15 updates');
  expect(good.out).toContain('publishes only its newest 50 incidents');
  const wrong = await foghorn(dir, ['import', 'statuspage', `${address}/elsewhere`]);
  expect(wrong.code).toBe(1);
  expect(wrong.said).toContain(`${address}/elsewhere/api/v2/components.json answered 404.`);
});

it('takes a single file of incidents, and makes the components that they name', async () => {
  const dir = scratch();
  const { page, incidents } = untidySource();
  writeFileSync(join(dir, 'incidents.json'), JSON.stringify({ page, incidents }));
  const { code, said, out } = await foghorn(dir, ['import', 'statuspage', 'incidents.json']);
  expect([code, said]).toEqual([0, '']);
  expect(out).toContain('Read        10 incidents, 16 updates, 0 components, 0 groups');
  expect(out).toMatch(/Imported {4}8 incidents, 14 updates/);
  expect(out).toContain('a component that the source does not list; made and archived');
});

it('refuses what is no export, and names it', async () => {
  const dir = scratch();
  writeFileSync(join(dir, 'a.json'), '{"incidents": [');
  writeFileSync(join(dir, 'b.json'), '{"hello": 1}');
  expect((await foghorn(dir, ['import', 'statuspage', 'a.json'])).said).toContain('a.json is not JSON.');
  const other = await foghorn(dir, ['import', 'statuspage', 'b.json']);
  expect(other.said).toContain('b.json holds no incidents, components or maintenances.');
  const none = await foghorn(dir, ['import', 'statuspage', 'c.json']);
  expect([none.code, none.said]).toEqual([1, expect.stringContaining('There is no file or folder c.json.')]);
});

it('imports subscribers and reports bad rows with their line', async () => {
  const dir = scratch();
  const csv = 'email,components,locale\nada@x.example,,de\nno address,,\nben@x.example,Nowhere,\n';
  const { code, out } = await foghorn(dir, ['import', 'subscribers', '-'], csv);
  expect(code).toBe(0);
  expect(out).toContain('line 3: ');
  expect(out).toContain('line 4: ');
  expect(out).toMatch(/Read 3 rows: added 1, .*unreadable 2\./);
});

it('draws its progress on one line for who watches, and for nobody else', async () => {
  const dir = scratch();
  const rows = Array.from({ length: 2_500 }, (_, n) => `person${n}@x.example\n`).join('');
  writeFileSync(join(dir, 'people.csv'), `email\n${rows}`);
  const args = ['import', 'subscribers', 'people.csv'];
  // A test has no terminal; the process is told that it has one.
  const watched = await foghorn(dir, args, '', {
    NODE_OPTIONS: '--import=data:text/javascript,process.stderr.isTTY=true',
  });
  expect(watched.code).toBe(0);
  const drawn = watched.said.split('\r\u001b[2K').slice(1);
  expect(drawn.at(0)).toMatch(/^\[#+-*\] {1,3}\d+ % {2}[\d,]+ rows, [\d,]+ added$/);
  expect(drawn.at(-2)).toBe(`[${'#'.repeat(30)}] 100 %  2,500 rows, 2,500 added`);
  // The line is cleared in the end, and the result stands alone on standard output.
  expect(drawn.at(-1)).toBe('');
  expect(watched.out).toMatch(/^Read 2,500 rows: added 2,500, /);
  expect(await foghorn(dir, args)).toMatchObject({ code: 0, said: '' });
});

it('backs up while another process has the database open, and restores only when none has', async () => {
  const dir = scratch();
  await foghorn(dir, ['user', 'create', '--email', 'ada@harbour.example', '--role', 'owner']);
  const backup = join(dir, 'backup.db');
  const open = await openDatabase(`sqlite:${join(dir, 'foghorn.db')}`);
  try {
    await open.read((tx) => tx.selectFrom('users').selectAll().execute());
    expect(await foghorn(dir, ['backup', backup])).toMatchObject({ code: 0, said: '' });
    const refused = await foghorn(dir, ['restore', backup]);
    expect(refused.code).toBe(1);
    expect(refused.said).toContain('The database is in use');
  } finally {
    await open.close();
  }
  await foghorn(dir, ['user', 'create', '--email', 'ben@harbour.example', '--role', 'comms']);
  const restored = await foghorn(dir, ['restore', backup]);
  expect(restored.code).toBe(0);
  expect(restored.said).toContain('The database that was there is kept in ');
  const db = await openDatabase(`sqlite:${join(dir, 'foghorn.db')}`);
  onTestFinished(() => db.close());
  const emails = await db.read((tx) => tx.selectFrom('users').select('email').execute());
  expect(emails).toEqual([{ email: 'ada@harbour.example' }]);
});

it('refuses to restore what is damaged, foreign or newer, and leaves the database as it was', async () => {
  const dir = scratch();
  await foghorn(dir, ['user', 'create', '--email', 'ada@harbour.example', '--role', 'owner']);
  const whole = join(dir, 'whole.db');
  await foghorn(dir, ['backup', whole]);
  const bytes = readFileSync(whole);
  const before = readFileSync(join(dir, 'foghorn.db'));

  writeFileSync(join(dir, 'damaged.db'), Buffer.concat([bytes.subarray(0, 4096), bytes.subarray(12_288)]));
  const damaged = await foghorn(dir, ['restore', 'damaged.db']);
  expect([damaged.code, damaged.said]).toEqual([1, expect.stringContaining('Use another backup.')]);

  writeFileSync(join(dir, 'foreign.db'), 'This is a letter, not a database.\n'.repeat(100));
  const foreign = await foghorn(dir, ['restore', 'foreign.db']);
  expect([foreign.code, foreign.said]).toEqual([1, expect.stringContaining('It is no SQLite database.')]);

  writeFileSync(join(dir, 'newer.db'), bytes);
  const newer = await openDatabase(`sqlite:${join(dir, 'newer.db')}`);
  await newer.write((tx) =>
    tx
      .insertInto('migrations' as never)
      .values({ name: '9999_later', applied_at: '2030-01-01T00:00:00.000Z' } as never)
      .execute(),
  );
  await newer.close();
  const later = await foghorn(dir, ['restore', 'newer.db']);
  expect([later.code, later.said]).toEqual([1, expect.stringContaining('written by a newer Foghorn')]);

  expect(readFileSync(join(dir, 'foghorn.db')).equals(before)).toBe(true);
});

it('runs a worker until it is told to stop, and refuses before there is a database', async () => {
  const dir = scratch();
  const early = await foghorn(dir, ['worker']);
  expect([early.code, early.said]).toEqual([1, expect.stringContaining('There is no database yet.')]);
  await foghorn(dir, ['migrate']);
  const worker = startFoghorn(dir, ['worker']);
  await worker.says('the worker runs');
  worker.signal('SIGTERM');
  worker.signal('SIGINT');
  const { code, out } = await worker.ended;
  expect(code).toBe(0);
  expect(out).toContain('the worker stops');
});
