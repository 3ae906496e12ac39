import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build.ts';
import { ask } from './http.ts';
import { freePort } from './server.ts';

/** Where nginx is; null when this machine has none: then its tests are skipped, aloud. */
export const NGINX = findNginx(
  [process.env.NGINX_PATH, '/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/bin/nginx'],
  process.env.REQUIRE_NGINX === '1',
);
/** Debian's module for brotli, where it is installed. */
const BROTLI = '/usr/lib/nginx/modules/ngx_http_brotli_static_module.so';
export const HAS_BROTLI = existsSync(BROTLI);

/** @throws when there is none and it is required: a run that was sure to have it would prove less than it says */
export function findNginx(paths: readonly (string | undefined)[], required: boolean): string | null {
  const found = paths.find((path) => path && existsSync(path));
  if (found) return found;
  const fix = 'Install it, or set NGINX_PATH.';
  if (required) throw new Error(`nginx was not found, and REQUIRE_NGINX=1 asks for it. ${fix}`);
  console.warn(`nginx was not found: the tests of its configuration are SKIPPED. ${fix}`);
  return null;
}

export type Nginx = {
  /** The server that has the copy alone, and the one that asks Foghorn first. */
  copy: string;
  front: string;
  pid: number;
  reload: () => Promise<void>;
  stop: () => Promise<void>;
};

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/** nginx with the configuration that this repository gives as its example; only places and ports are others. */
export async function startNginx(
  folder: string,
  { exportDir, foghornPort }: { exportDir: string; foghornPort: number },
): Promise<Nginx> {
  const [copy, front] = [await freePort(), await freePort()];
  mkdirSync(folder, { recursive: true });
  const place = (text: string) =>
    text.replaceAll('/srv/foghorn', exportDir).replace('127.0.0.1:4321', `127.0.0.1:${foghornPort}`);
  let ports = [copy, front];
  const example = place(readFileSync(join(ROOT, 'deploy/nginx.conf'), 'utf8')).replace(
    /listen 80;/g,
    () => `listen 127.0.0.1:${ports.shift()};`,
  );
  ports = [];
  const shared = place(readFileSync(join(ROOT, 'deploy/nginx-export.conf'), 'utf8'));
  const brotli = (text: string) =>
    HAS_BROTLI ? text.replace('# brotli_static on;', 'brotli_static on;') : text;
  writeFileSync(join(folder, 'site.conf'), example);
  writeFileSync(join(folder, 'foghorn-export.conf'), brotli(shared));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${join(folder, 'pid')};
error_log ${join(folder, 'error.log')} warn;
${HAS_BROTLI ? `load_module ${BROTLI};` : ''}
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  include ${join(folder, 'site.conf')};
}
`,
  );
  const child = spawn(
    NGINX as string,
    ['-c', join(folder, 'nginx.conf'), '-p', folder, '-e', join(folder, 'error.log')],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  running.add(child);
  let ended = false;
  const exited = new Promise<void>((resolve) =>
    child.on('exit', () => {
      ended = true;
      running.delete(child);
      resolve();
    }),
  );
  const url = (port: number) => `http://127.0.0.1:${port}`;
  while (
    !(await ask(url(copy)).then(
      () => true,
      () => false,
    ))
  )
    if (ended) throw new Error(`nginx ended: ${readFileSync(join(folder, 'error.log'), 'utf8')}`);
  return {
    copy: url(copy),
    front: url(front),
    pid: child.pid as number,
    reload: async () => void child.kill('SIGHUP'),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
