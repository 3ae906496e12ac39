import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import { readConfig } from '#config';
import type { Ctx } from '#db/context.ts';
import { parseCsv } from '#domain/csv.ts';
import { createAccount } from '#services/accounts.ts';
import { addChat, addMember, createAudience } from '#services/audiences.ts';
import { createComponent } from '#services/components.ts';
import { declareRestricted } from '#services/restricted.ts';
import { deleteRunbook, saveRunbook } from '#services/runbooks.ts';
import { importSubscribers } from '#services/subscriberImport.ts';
import { saveTemplate } from '#services/templates.ts';
import { openFoghorn, prepareFoghorn } from '../../src/foghorn.ts';
import { smallDisk } from '../chaos/smallDisk.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { foghorn, scratch } from './support.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const FORMULA = '=HYPERLINK("http://evil.example","x")';
const HOSTILE = '../../etc/passwd <script>alert(1)</script> [x](javascript:alert(1)) `code`';

/** An installation that stays open, as the server's does, while the command runs in a process of its own. */
async function installation(database?: string) {
  const dir = scratch();
  const env: Record<string, string> = database ? { DATABASE_URL: database } : {};
  const open = await openFoghorn(readConfig({ DATA_DIR: dir, LOG_LEVEL: 'silent', ...env }));
  onTestFinished(() => open.close());
  await prepareFoghorn(open);
  const ctx = open.contextFor({ kind: 'system', name: 'test' });
  const write = (title: string, steps = [{ text: 'Look', link: null as string | null }]) =>
    saveRunbook(ctx, null, { title, severities: ['SEV1'], componentId: null, ownerId: null, steps });
  const run = (...args: string[]) => foghorn(dir, ['export', '--private', ...args], '', env);
  return { dir, open, ctx, write, run };
}

/** Every file below, by its path, with what is in it. */
function read(folder: string): Record<string, string> {
  return Object.fromEntries(
    (readdirSync(folder, { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const file = join(entry.parentPath, entry.name);
        return [file.slice(folder.length + 1), readFileSync(file, 'utf8')];
      })
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  );
}

async function table(text: string | undefined): Promise<string[][]> {
  const rows: string[][] = [];
  for await (const record of parseCsv([text ?? ''])) if ('fields' in record) rows.push(record.fields);
  return rows;
}

async function people(ctx: Ctx) {
  const mia = await createUser(ctx, {
    email: 'mia@staff.example',
    name: FORMULA,
    role: 'comms',
    password: 'river-lantern-42-moss',
  });
  const noor = await createUser(ctx, {
    email: 'noor@staff.example',
    name: 'Noor Aziz',
    role: 'owner',
    password: 'river-lantern-42-moss',
  });
  return { mia, noor };
}

eachDatabaseUrl('export --private', (place) => {
  it('writes what a team needs as plain files, for their owner alone, while the page runs', async () => {
    const { dir, open, ctx, write, run } = await installation(await place());
    const { mia, noor } = await people(ctx);
    const { id: checkout } = await createComponent(ctx, { name: 'Checkout' });
    await addMember(ctx, 'executives', { address: 'chief@private.example', name: '+49 151 1' });
    const board = await createAudience(ctx, {
      name: '@Board',
      kind: 'inside',
      severities: ['SEV1'],
      intro: null,
      facts: [],
    });
    await addChat({ ...ctx, hooks: { ...ctx.hooks, resolve: async () => ['93.184.215.14'] } }, board, {
      channel: 'slack',
      url: 'https://hooks.slack.com/services/T0/B0/verysecret',
      name: 'Board chat',
      owner: 'chief@private.example',
    });
    const acme = await createAccount(ctx, { name: '-Acme', contactId: mia.id, components: [checkout] });
    await addMember(ctx, acme, { address: 'ann@acme.example', name: 'Ann' });
    await importSubscribers(ctx, 'email\nsubscriber@public.example\n');
    await write(HOSTILE, [
      { text: HOSTILE, link: 'https://wiki.example/a?b=c' },
      { text: 'Only this', link: null },
    ]);
    await write('日本');
    await saveTemplate(ctx, null, {
      kind: 'holding',
      variant: '',
      name: 'Hostile',
      body: 'One\n~~~~\n# no heading\n```\nlast',
      status: null,
    });
    await declareRestricted(
      open.contextFor({
        kind: 'user',
        role: 'owner',
        id: noor.id,
        name: 'Noor Aziz',
        email: 'noor@staff.example',
      }),
      { title: 'Zebramoth lay open', severity: 'SEV1', summary: 'quailfern', components: [], viewers: [] },
    );

    // Another process is in the middle of a write, as a server may be at any time.
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const busy = open.db.write(async (tx) => {
      await tx.selectFrom('page').select('name').execute();
      if (open.db.dialect === 'sqlite') await held;
    });
    const { code, out, said } = await run('plan');
    release();
    await busy;
    expect([code, said]).toEqual([0, 'It holds names and addresses: only you may read it. Keep it so.\n']);
    const folder = join(dir, 'plan');
    expect(out).toBe(`${folder} (10 files)\n`);

    const files = read(folder);
    expect(Object.keys(files)).toEqual([
      '.foghorn-private-export',
      'README.md',
      'contacts/accounts.csv',
      'contacts/audiences.csv',
      'contacts/duty.csv',
      'contacts/paging.csv',
      'contacts/staff.csv',
      'policies.md',
      'runbooks/01-etc-passwd-script-alert-1-script-x-javascript-alert-1-code.md',
      'runbooks/02-runbook.md',
      'templates.md',
    ]);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      expect([entry.name, mode]).toEqual([entry.name, entry.isDirectory() ? 0o700 : 0o600]);
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700);

    const readme = files['README.md'] as string;
    for (const path of Object.keys(files).filter((path) => !/README|^\./.test(path)))
      expect(readme).toContain(path);
    const runbook = files['runbooks/01-etc-passwd-script-alert-1-script-x-javascript-alert-1-code.md'];
    expect(runbook).toContain('- [ ] Only this\n- [ ] Update the runbook\n');
    expect(runbook).toContain('<https://wiki.example/a?b=c>');
    expect(runbook).toContain('\\<script>alert(1)\\</script> \\[x](javascript:alert(1)) \\`code\\`');
    // The wording as it is, in a fence that nothing in it can end.
    expect(files['templates.md']).toContain('~~~~~text\nOne\n~~~~\n# no heading\n```\nlast\n~~~~~\n');
    expect(files['templates.md']).toContain('{{components}}');
    expect(files['policies.md']).toContain('- Then a public update every: 30 minutes');

    expect(await table(files['contacts/staff.csv'])).toEqual([
      ['name', 'address', 'role', 'approver', 'on_duty_now'],
      [`'${FORMULA}`, 'mia@staff.example', 'comms', '', ''],
      ['Noor Aziz', 'noor@staff.example', 'owner', '', ''],
    ]);
    const audiences = await table(files['contacts/audiences.csv']);
    expect(audiences).toContainEqual([
      ...['Executives', 'inside', 'SEV1', "'+49 151 1", 'email', 'chief@private.example'],
    ]);
    expect(audiences).toContainEqual([
      ...["'@Board", 'inside', 'SEV1', 'Board chat', 'slack', expect.stringContaining('hooks.slack.com')],
    ]);
    expect(await table(files['contacts/accounts.csv'])).toEqual([
      ['account', 'told_by', 'told_by_address', 'components', 'name', 'channel', 'address'],
      ["'-Acme", `'${FORMULA}`, 'mia@staff.example', 'Checkout', 'Ann', 'email', 'ann@acme.example'],
    ]);
    const all = Object.values(files).join('\n');
    expect(all).not.toMatch(/zebramoth|quailfern|subscriber@public|verysecret|\$argon2/i);
    for (const text of Object.values(files)) expect(text).not.toMatch(/(?<!\\)<script/);
  });
});

it('replaces what it wrote before as a whole, behind a link too, and leaves nothing beside it', async () => {
  const { dir, ctx, write, run } = await installation();
  const gone = await write('Gone');
  await write('Stays');
  await run('plan');
  expect(Object.keys(read(join(dir, 'plan'))).filter((path) => path.startsWith('runbooks'))).toEqual([
    'runbooks/01-gone.md',
    'runbooks/02-stays.md',
  ]);
  await deleteRunbook(ctx, gone);
  expect(await run('plan')).toMatchObject({ code: 0 });
  expect(Object.keys(read(join(dir, 'plan'))).filter((path) => path.startsWith('runbooks'))).toEqual([
    'runbooks/01-stays.md',
  ]);
  renameSync(join(dir, 'plan'), join(dir, 'plan-1'));
  symlinkSync('plan-1', join(dir, 'plan'));
  await write('New');
  expect((await run('plan')).out).toContain(join(dir, 'plan-1'));
  expect(existsSync(join(dir, 'plan/runbooks/01-new.md'))).toBe(true);
  // An empty folder is as good as none.
  mkdirSync(join(dir, 'empty'));
  expect(await run('empty')).toMatchObject({ code: 0 });
  expect(
    readdirSync(dir)
      .filter((name) => /plan|empty/.test(name))
      .sort(),
  ).toEqual(['empty', 'plan', 'plan-1']);
});

it('refuses to replace what is no export, and changes nothing there', async () => {
  const { dir, write, run } = await installation();
  await write('One');
  mkdirSync(join(dir, 'mine'));
  writeFileSync(join(dir, 'mine/letter.txt'), 'Dear');
  writeFileSync(join(dir, 'file'), 'x');
  symlinkSync('nowhere', join(dir, 'dangling'));
  await run('plan');
  mkdirSync(join(dir, 'plan/notes'));
  writeFileSync(join(dir, 'plan/notes/my own.txt'), 'numbers');
  const before = read(dir);
  const refused: [string, string][] = [
    ['mine', 'is no such export, so it is left alone.'],
    ['file', 'is a file, so it is left alone.'],
    ['dangling', 'is a link that leads nowhere.'],
    ['.', 'is no such export, so it is left alone.'],
    ['/', 'is no such export, so it is left alone.'],
    ['plan', 'holds what no export wrote, so it is left alone: "notes/my own.txt".'],
    ['not/there', `There is no folder ${join(dir, 'not')} to write into.`],
    ['file/plan', `There is no folder ${join(dir, 'file')} to write into.`],
  ];
  for (const [folder, words] of refused) {
    const { code, out, said } = await run(folder);
    expect([folder, code, out, said]).toEqual([folder, 1, '', expect.stringContaining(words)]);
    expect(said).not.toMatch(/\n {4}at /);
  }
  const others = Object.keys(before).filter((path) => !path.startsWith('foghorn.db'));
  const after = read(dir);
  for (const path of others) expect([path, after[path]]).toEqual([path, before[path]]);
  expect(readdirSync(dir).filter((name) => /\.(new|old)-/.test(name))).toEqual([]);
});

it('says how it is called', async () => {
  const { dir } = await installation();
  for (const [args, words] of [
    [['export'], 'The folder is missing.'],
    [['export', '--private'], 'The folder is missing.'],
    [['export', '--private', 'a', 'b'], '"b" is one argument too many.'],
  ] as const) {
    const { code, said } = await foghorn(dir, [...args]);
    expect([code, said]).toEqual([2, expect.stringContaining(words)]);
  }
  const empty = scratch();
  const none = await foghorn(empty, ['export', '--private', 'plan']);
  expect([none.code, none.said]).toEqual([1, expect.stringContaining('There is no Foghorn database')]);
  expect(existsSync(join(empty, 'plan'))).toBe(false);
});

it('clears up behind an export that was killed, and touches nothing else', async () => {
  const { dir, write, run } = await installation();
  await write('One');
  await run('plan');
  const dead = Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }));
  const leave = (name: string, marker: boolean) => {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, marker ? '.foghorn-private-export' : 'other'), '{"files":[]}\n');
  };
  // It had set the old one aside when it was killed.
  renameSync(join(dir, 'plan'), join(dir, `.plan.old-${dead}-0123abcd`));
  leave(`.plan.new-${dead}-0123abcd`, true);
  leave(`.plan.new-${dead}-0123abce`, false);
  leave(`.plan.new-${process.pid}-0123abcd`, true);
  leave('.plan.new', true);
  leave(`.plans.new-${dead}-0123abcd`, true);
  const { code } = await run('not/there/plan');
  expect(code).toBe(1);
  expect(await run('plan')).toMatchObject({ code: 0 });
  expect(
    readdirSync(dir)
      .filter((name) => name.includes('plan'))
      .sort(),
  ).toEqual(
    [
      '.plan.new',
      `.plan.new-${dead}-0123abce`,
      `.plan.new-${process.pid}-0123abcd`,
      `.plans.new-${dead}-0123abcd`,
      'plan',
    ].sort(),
  );
  expect(existsSync(join(dir, 'plan/runbooks/01-one.md'))).toBe(true);
});

it('keeps the old one when the disk is full, says so, and works again when there is room', async () => {
  const { dir, write, run } = await installation();
  await write('One');
  const disk = await smallDisk();
  onTestFinished(() => disk.close());
  const inside = (name: string) => join(disk.inside, name);
  const through = () => {
    const [command, ...args] = [
      ...disk.through,
      process.execPath,
      MAIN,
      'export',
      '--private',
      inside('plan'),
    ];
    const { status, stderr } = spawnSync(command as string, args, {
      cwd: dir,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: dir, DATA_DIR: dir, MAIL_TRANSPORT: 'file' },
    });
    return { status, stderr };
  };
  expect(through().status).toBe(0);
  const before = read(join(disk.outside, 'plan'));
  await write('Two');
  disk.fill(process.pid);
  const full = through();
  disk.free(process.pid);
  expect([full.status, full.stderr]).toEqual([1, expect.stringContaining('The disk is full.')]);
  expect(read(join(disk.outside, 'plan'))).toEqual(before);
  expect(readdirSync(disk.outside).filter((name) => name.includes('plan'))).toEqual(['plan']);
  expect(through().status).toBe(0);
  expect(Object.keys(read(join(disk.outside, 'plan')))).toContain('runbooks/02-two.md');
  expect(await run('elsewhere')).toMatchObject({ code: 0 });
});
