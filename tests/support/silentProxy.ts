import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export type SilentProxy = {
  /** The same database, reached through the proxy. */
  url: string;
  /** From now on nothing gets through, either way, and no connection is closed: as where a link has failed. */
  fallSilent: () => void;
  /** Resolves when it has fallen silent. */
  fellSilent: Promise<void>;
  /** Lets new connections through. What fell silent stays so. */
  speak: () => void;
  close: () => Promise<void>;
};

/** Stands between a database and those who use it. */
export async function silentProxy(server: string): Promise<SilentProxy> {
  const target = new URL(server);
  const sockets = new Set<Socket>();
  let pairs: [Socket, Socket][] = [];
  let silent = false;
  const fall = Promise.withResolvers<void>();
  const proxy = createServer((near) => {
    const far = connect(Number(target.port || 5432), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    if (silent) return;
    near.pipe(far);
    far.pipe(near);
    pairs.push([near, far]);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const url = new URL(server);
  url.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    url: url.href,
    fallSilent() {
      silent = true;
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
      }
      pairs = [];
      fall.resolve();
    },
    fellSilent: fall.promise,
    speak() {
      silent = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
