import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** Where a command reads and writes. Results go to `out` alone, so that a script can take them; words for people go to `say`. */
export type Io = {
  out: (line: string) => void;
  say: (line: string) => void;
  /** Everything on standard input, as text. */
  readAll: () => Promise<string>;
  /** Redraws one line while something runs; does nothing unless a person watches. */
  progress: (line: string) => void;
};

export type Command = {
  /** Arguments and options, one a line, and an example. */
  help: string;
  /** @returns the exit code where it is not 0 */
  run: (args: string[], io: Io) => Promise<number | undefined>;
};

/** What was asked for is kept and not done yet: it waits for someone else. */
export const WAITS = 3;

/** Something in the command itself is wrong: exit 2. `fix` says what to type instead. */
export class UsageError extends Error {
  override name = 'UsageError';
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

type Values<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: T; strict: true; allowPositionals: true }>
>['values'];

/**
 * Reads a command's options, and as many plain arguments as `names` has.
 * @throws UsageError that names what is wrong and lists what is known
 */
export function readArguments<T extends ParseArgsOptionsConfig>(
  args: string[],
  options: T,
  names: readonly string[] = [],
): { values: Values<T>; positionals: string[] } {
  const parsed = parse(args, options);
  const extra = parsed.positionals[names.length];
  if (extra !== undefined)
    throw new UsageError(
      `"${extra}" is one argument too many.`,
      'Put quotes round a value that holds spaces, and -- before options.',
    );
  const missing = names[parsed.positionals.length];
  if (missing !== undefined)
    throw new UsageError(`The ${missing} is missing.`, 'Give it after the command; --help shows where.');
  return parsed;
}

/** The option's value. @throws UsageError when it was not given, or is empty */
export function required(value: string | undefined, option: string, fix: string): string {
  if (value?.trim()) return value;
  throw new UsageError(`${option} is ${value === undefined ? 'missing' : 'empty'}.`, fix);
}

function parse<T extends ParseArgsOptionsConfig>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error;
    const option = /'(?:-\w, )?(--?[\w-]+)/.exec(message)?.[1] ?? 'An option';
    const known = Object.keys(options)
      .map((name) => `--${name}`)
      .join(', ');
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION')
      throw new UsageError(
        `There is no option ${option} here.`,
        known ? `This command knows ${known}.` : 'This command has no options.',
      );
    if (/does not take an argument/.test(message))
      throw new UsageError(`${option} takes no value.`, `Write it alone: ${option}`);
    throw new UsageError(
      `${option} needs a value.`,
      `Write it as ${option} VALUE, or ${option}=VALUE when the value begins with a dash.`,
    );
  }
}
