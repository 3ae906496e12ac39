import './env.ts';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './build.ts';

/** `npm run dev`: the pages with reload, and a worker beside them. When one ends, so does the other. */
const astro = join(ROOT, 'node_modules/astro/bin/astro.mjs');
const port = process.env.PORT ?? '4321';
const host = process.env.HOST ?? 'localhost';
const main = join(ROOT, 'src/cli/main.ts');

const migrated = spawn(process.execPath, [main, 'migrate'], { stdio: 'inherit', cwd: ROOT });
migrated.on('exit', (code) => {
  if (code === 0) run();
  else process.exitCode = code ?? 1;
});

function run(): void {
  const env = { ...process.env, ASTRO_DEV_BACKGROUND: '0' };
  const children = [
    spawn(process.execPath, [astro, 'dev', '--port', port, '--host', host], {
      stdio: 'inherit',
      cwd: ROOT,
      env,
    }),
    spawn(process.execPath, [main, 'worker'], { stdio: 'inherit', cwd: ROOT, env }),
  ];
  const stop = () => children.forEach(end);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  for (const child of children)
    child.on('exit', (code) => {
      process.exitCode ||= code ?? 0;
      stop();
    });
}

function end(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
}
