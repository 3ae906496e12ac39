import { existsSync } from 'node:fs';

/**
 * Imported before everything else by each command: reads `.env` where there is one (what is set already wins), and gives libuv room
 * (four SQLite connections that wait for a lock would otherwise take all its threads). libuv reads the size when its pool is first used.
 */
if (existsSync('.env')) process.loadEnvFile('.env');
if (!(Number(process.env.UV_THREADPOOL_SIZE) >= 8)) process.env.UV_THREADPOOL_SIZE = '8';
process.env.ASTRO_TELEMETRY_DISABLED = '1';
