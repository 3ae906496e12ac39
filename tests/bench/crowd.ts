import { connect, type Socket } from 'node:net';

/** Visitors on connections of their own, each with one request under way at a time, by hand: `http` would cost more than what is measured. */
export type Visitor = {
  /** @returns the status and the body's last bytes; rejects when the connection fails */
  ask: (target: string) => Promise<{ status: number; body: string }>;
  leave: () => void;
};

export async function openVisitors(url: string, count: number, encoding = 'identity'): Promise<Visitor[]> {
  const visitors: Visitor[] = [];
  // A server's queue of connections that it has not taken yet is shorter than a crowd.
  while (visitors.length < count)
    visitors.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(100, count - visitors.length) }, () => openVisitor(url, encoding)),
      )),
    );
  return visitors;
}

async function openVisitor(url: string, encoding: string): Promise<Visitor> {
  const { hostname, port, host } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  let waiting: {
    resolve: (answer: { status: number; body: string }) => void;
    reject: (error: Error) => void;
  } | null = null;
  let text = '';
  const failed = (error?: Error) => waiting?.reject(error ?? new Error('The connection was closed.'));
  socket.setEncoding('latin1');
  socket.on('error', failed);
  socket.on('close', () => failed());
  socket.on('data', (piece: string) => {
    text += piece;
    const end = text.indexOf('\r\n\r\n');
    if (end === -1) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2))?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) return failed(new Error(`No length: ${text.slice(0, end)}`));
    if (text.length < end + 4 + length) return;
    const answer = { status: Number(text.slice(9, 12)), body: text.slice(end + 4) };
    text = '';
    const { resolve } = waiting as NonNullable<typeof waiting>;
    waiting = null;
    resolve(answer);
  });
  return {
    ask: (target) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(
          `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAccept-Encoding: ${encoding}\r\nConnection: keep-alive\r\n\r\n`,
        );
      }),
    leave: () => socket.destroy(),
  };
}
