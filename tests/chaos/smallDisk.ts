import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk that can be made full while a process works on it. */
export type SmallDisk = {
  way: 'tmpfs' | 'limit';
  /** Where it is for a process that is started through `through`, and for this one. */
  inside: string;
  outside: string;
  /** What a command is started through to see it. */
  through: string[];
  /** Nothing more can be written, by this process and those that start later. */
  fill: (pid: number) => void;
  free: (pid: number) => void;
  close: () => void;
};

const SIZE = '32m';

/**
 * A small tmpfs in a mount namespace of its own, which ends with the process that holds it, so nothing is left mounted whatever happens
 * to us. Where the system does not allow that, a limit on how large a process may write any file, which fails its writes as a full disk
 * does. CHAOS_DISK=limit asks for the second.
 */
export async function smallDisk(): Promise<SmallDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-disk-'));
  const holder = process.env.CHAOS_DISK === 'limit' ? null : await mount(folder);
  return holder ? onTmpfs(folder, holder) : limited(folder);
}

async function mount(folder: string): Promise<ChildProcess | null> {
  const script = `mount -t tmpfs -o size=${SIZE} none "$0" && echo mounted && exec cat`;
  const holder = spawn('unshare', [...NAMESPACES, 'sh', '-c', script, folder], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const mounted = await Promise.race([
    once(holder.stdout, 'data').then(() => true),
    once(holder, 'exit').then(() => false),
    once(holder, 'error').then(() => false),
  ]);
  return mounted ? holder : null;
}

/** Whoever is not root may mount in a namespace where they are. */
const NAMESPACES = process.getuid?.() === 0 ? ['--mount'] : ['--mount', '--map-root-user'];

function onTmpfs(folder: string, holder: ChildProcess): SmallDisk {
  const outside = `/proc/${holder.pid}/root${folder}`;
  const ballast = join(outside, 'ballast');
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  return {
    way: 'tmpfs',
    inside: folder,
    outside,
    through: ['nsenter', '--target', String(holder.pid), '--mount', ...user],
    fill() {
      const file = openSync(ballast, 'w');
      try {
        // Ever smaller pieces, until not a byte more fits.
        for (let size = 1 << 20; size > 0; )
          try {
            writeSync(file, Buffer.alloc(size));
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
            size >>= 1;
          }
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast),
    close() {
      holder.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function limited(folder: string): SmallDisk {
  const through: string[] = [];
  const limit = (pid: number, size: string) =>
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${size}:`]);
  return {
    way: 'limit',
    inside: folder,
    outside: folder,
    through,
    fill(pid) {
      limit(pid, '4096');
      through.splice(0, 1, 'prlimit', '--fsize=4096:', '--');
    },
    free(pid) {
      limit(pid, 'unlimited');
      through.splice(0);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
