import './env.ts';
import { ENTRY, ensureBuilt } from './build.ts';

/** `npm start`: builds if needed, then becomes the server, which migrates and serves. */
process.env.NODE_ENV ??= 'production';
if (ensureBuilt((line) => console.error(line))) await import(ENTRY);
else process.exitCode = 1;
