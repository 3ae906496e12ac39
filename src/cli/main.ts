import './env.ts';
import { ConfigError } from '#config';
import { NewerSchemaError } from '#db/migrate.ts';
import { AppError } from '#domain/errors.ts';
import { type Command, type Io, UsageError } from './command.ts';

/** A command is loaded when it is asked for: help should not wait for a database driver. */
const COMMANDS: Record<string, { summary: string; load: () => Promise<Command> }> = {
  migrate: {
    summary: 'Make the database, or bring it up to this version',
    load: async () => (await import('./migrate.ts')).migrateCommand,
  },
  'user create': {
    summary: 'Add someone who can sign in',
    load: async () => (await import('./user.ts')).userCreate,
  },
  'import statuspage': {
    summary: 'Bring the history of another status page here',
    load: async () => (await import('./importStatuspage.ts')).importStatuspageCommand,
  },
  'import subscribers': {
    summary: 'Add people who agreed elsewhere to be told',
    load: async () => (await import('./importSubscribers.ts')).importSubscribersCommand,
  },
  'incident open': {
    summary: 'Declare an incident and publish its first update',
    load: async () => (await import('./incident.ts')).incidentOpen,
  },
  'incident update': {
    summary: 'Post an update about an incident',
    load: async () => (await import('./incident.ts')).incidentUpdate,
  },
  'incident resolve': {
    summary: 'Say that an incident is over',
    load: async () => (await import('./incident.ts')).incidentResolve,
  },
  export: {
    summary: 'Write everything public as static files, or with --private what a team needs when all is down',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  backup: {
    summary: 'Copy the database to a file, also while the server runs',
    load: async () => (await import('./backup.ts')).backupCommand,
  },
  restore: {
    summary: 'Put a backup in the place of the database',
    load: async () => (await import('./backup.ts')).restoreCommand,
  },
  worker: {
    summary: 'Send mail and keep the clock, without serving pages',
    load: async () => (await import('./worker.ts')).workerCommand,
  },
};

process.exitCode = await main(process.argv.slice(2), standardIo());

async function main(args: string[], io: Io): Promise<number> {
  try {
    const name = commandName(args);
    if (name === null) {
      io.out(overview());
      return 0;
    }
    const { summary, load } = COMMANDS[name] as (typeof COMMANDS)[string];
    const command = await load();
    const rest = args.slice(name.split(' ').length);
    const wanted = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
    if (wanted.includes('--help') || wanted.includes('-h'))
      io.out(`foghorn ${name}: ${summary}\n\n${command.help.trim()}`);
    else return (await command.run(rest, io)) ?? 0;
    return 0;
  } catch (error) {
    return report(error, io);
  }
}

/** The name of the command that the arguments begin with; null when help is asked for. @throws UsageError */
function commandName(args: string[]): string | null {
  const [first = '', second = ''] = args;
  if (first === '' || first === 'help' || first === '--help' || first === '-h') return null;
  const name = [`${first} ${second}`, first].find((candidate) => Object.hasOwn(COMMANDS, candidate));
  if (name) return name;
  const family = Object.keys(COMMANDS).filter((candidate) => candidate.startsWith(`${first} `));
  if (!family.length) throw new UsageError(`There is no command "${first}".`, 'foghorn help lists them.');
  if (second === '--help' || second === '-h') return null;
  throw new UsageError(
    second ? `There is no command "${first} ${second}".` : `"${first}" needs a second word.`,
    `It is one of: ${family.map((candidate) => `foghorn ${candidate}`).join(', ')}.`,
  );
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length)) + 2;
  return [
    'foghorn <command>',
    '',
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`),
    '',
    'foghorn <command> --help says more. The environment (DATA_DIR, DATABASE_URL and so on, see .env.example) chooses',
    'the installation: give it the same as the server.',
  ].join('\n');
}

/** What went wrong, in words and with the way out; never a stack. @returns the exit code */
function report(error: unknown, io: Io): number {
  if (error instanceof UsageError) {
    io.say(`${error.message} ${error.fix}`.trim());
    return 2;
  }
  if (error instanceof AppError) {
    const problems = error.problems
      .map((problem) => problem.message)
      .filter((m) => !error.message.includes(m));
    io.say([error.message, ...problems, error.fix ?? ''].filter(Boolean).join(' '));
    return 1;
  }
  if (error instanceof ConfigError || error instanceof NewerSchemaError) {
    io.say(error.message);
    return 1;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  io.say(`${inWords(code) ?? `It did not work: ${message ?? String(error)}.`}`);
  return 1;
}

function inWords(code: string | undefined): string | null {
  switch (code) {
    case 'SQLITE_BUSY':
      return 'Another process kept the database busy for too long. Try again in a moment.';
    case 'SQLITE_FULL':
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return 'The disk is full. Make room and try again; nothing half done was kept.';
    case 'SQLITE_CANTOPEN':
      return 'The database cannot be opened. Check DATA_DIR or DATABASE_URL, and that you may write there.';
    case 'SQLITE_READONLY':
    case 'EACCES':
      return 'You may not write there. Check who owns the data folder, and run this as that user.';
    case 'SQLITE_NOTADB':
    case 'SQLITE_CORRUPT':
      return 'The database file is damaged. Restore a backup: foghorn restore FILE.';
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
      return 'The database server does not answer. Check DATABASE_URL and that it runs.';
    default:
      return null;
  }
}

function standardIo(): Io {
  const watched = process.stderr.isTTY === true;
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    say: (line) => void process.stderr.write(`${watched ? '\r\u001b[2K' : ''}${line}\n`),
    progress: (line) => void (watched && process.stderr.write(`\r\u001b[2K${line}`)),
    async readAll() {
      let text = '';
      for await (const piece of process.stdin.setEncoding('utf8')) text += piece;
      return text;
    },
  };
}
