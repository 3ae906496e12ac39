import { type ChildProcess, fork } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import type { Logger } from 'pino';

export type RunningChild = {
  /** Resolves when the first one says that it works, or has ended without. */
  begun: Promise<void>;
  tell: (message: string) => void;
  /** Asks it to end (SIGTERM). Resolves when it has. */
  stop: () => Promise<void>;
};

/**
 * Visitors go first where both want a processor: on the system's scale of niceness, where 10 more is about a tenth of the share. The first
 * mails of a post need little, and get it; what needs much (a fan-out to a million) has time.
 */
const BEHIND_VISITORS = 10;
/** The end of that scale. */
const LAST = 19;
/** Node lets young objects take some 50 MB more before it looks for what is no longer needed; these work no faster for it. */
const LEAN = ['--max-semi-space-size=4'];
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** One that ran for so long was well. */
const WELL_MS = 60_000;
/** A little more than a worker gives its own calls. */
const STOP_MS = 20_000;

/** Keeps a process running beside the server, a little behind it. When it ends without having been asked to, another is started. */
export function keepRunning(
  log: Logger,
  { name, file, args }: { name: string; file: string; args: string[] },
): RunningChild {
  let child: ChildProcess | null = null;
  let again: NodeJS.Timeout | undefined;
  let pause = FIRST_WAIT_MS;
  let stopping = false;
  let ended = Promise.resolve();

  start();
  return {
    begun: Promise.race([ended, new Promise<void>((resolve) => child?.once('message', () => resolve()))]),
    tell: (message) => {
      if (child?.connected) child.send(message, () => undefined);
    },
    stop: async () => {
      stopping = true;
      clearTimeout(again);
      child?.kill('SIGTERM');
      const deadline = setTimeout(() => child?.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(deadline);
    },
  };

  function start(): void {
    const begun = performance.now();
    const started = fork(file, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // What was meant for this process (a profiler, a debugger's port) is not for that one.
      execArgv: LEAN,
    });
    child = started;
    letVisitorsGoFirst(started);
    ended = new Promise((resolve) => {
      const end = (reason: object) => {
        if (child !== started) return;
        child = null;
        resolve();
        if (stopping) return;
        if (performance.now() - begun > WELL_MS) pause = FIRST_WAIT_MS;
        log.error({ ...reason, againInMs: pause }, `The ${name} ended by itself. It is started again.`);
        again = setTimeout(start, pause);
        pause = Math.min(pause * 2, LONGEST_WAIT_MS);
      };
      started.on('error', (error) => end({ err: error }));
      started.on('exit', (code, signal) => end({ code, signal }));
    });
  }

  function letVisitorsGoFirst({ pid }: ChildProcess): void {
    try {
      if (pid) setPriority(pid, Math.min(LAST, getPriority() + BEHIND_VISITORS));
    } catch (error) {
      log.warn({ err: error }, `The ${name} could not be put behind visitors; it works all the same.`);
    }
  }
}
