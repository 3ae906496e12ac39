/**
 * Imported before everything else: libuv reads the size when its pool is first used. Four SQLite connections that wait for a lock
 * would otherwise take all four default threads, and with them file reads, compression and password hashing.
 */
const WANTED = 8;
const asked = Number(process.env.UV_THREADPOOL_SIZE);
if (!(asked >= WANTED)) process.env.UV_THREADPOOL_SIZE = String(WANTED);
