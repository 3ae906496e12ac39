import './env.ts';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureSetupToken } from '#auth/setup.ts';
import { readConfig } from '#config';
import { openFoghorn, prepareFoghorn } from '../foghorn.ts';
import { ROOT } from './build.ts';
import { COMMAND_LINE, quiet } from './installation.ts';

/** `npm run dev`: the pages with reload, and a worker beside them. When one ends, so does the other. */
const config = quiet(readConfig());
const foghorn = await openFoghorn(config);
await prepareFoghorn(foghorn);
const setUp = await ensureSetupToken(foghorn.contextFor(COMMAND_LINE));
await foghorn.close();
if (setUp) console.log(`No one has an account yet. Make the first owner at:\n  ${setUp}`);

const astro = join(ROOT, 'node_modules/astro/bin/astro.mjs');
const options = { stdio: 'inherit', cwd: ROOT, env: { ...process.env, ASTRO_DEV_BACKGROUND: '0' } } as const;
const address = ['--port', String(config.port), '--host', config.host];
const children = [
  spawn(process.execPath, [astro, 'dev', ...address], options),
  spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), 'worker'], options),
];
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => children.forEach(end));
for (const child of children)
  child.on('exit', (code) => {
    process.exitCode ||= code ?? 0;
    children.forEach(end);
  });

function end(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
}
