import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** A real name server on loopback, over UDP. What it does not know it answers with NXDOMAIN, or, when it is deaf, not at all. */
export type NameServer = {
  /** `127.0.0.1:PORT` */
  address: string;
  /** The names that it was asked for, with each kind of address. */
  asked: { name: string; kind: 'A' | 'AAAA' }[];
  /** What it answers: addresses; 'deaf' for no answer at all. */
  answer: (name: string, kind: 'A' | 'AAAA') => readonly number[][] | 'deaf';
  close: () => Promise<void>;
};

const KINDS: Record<number, 'A' | 'AAAA'> = { 1: 'A', 28: 'AAAA' };

export async function startNameServer(answer: NameServer['answer'] = () => 'deaf'): Promise<NameServer> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { name, end } = readName(query);
    const kind = KINDS[query.readUInt16BE(end)];
    if (!kind) return;
    server.asked.push({ name, kind });
    const found = server.answer(name, kind);
    if (found === 'deaf') return;
    socket.send(reply(query, end + 4, found), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const server: NameServer = {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    asked: [],
    answer,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  return server;
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let size = query[at] as number; size; size = query[at] as number) {
    labels.push(query.toString('latin1', at + 1, at + 1 + size).toLowerCase());
    at += 1 + size;
  }
  return { name: labels.join('.'), end: at + 1 };
}

/** Header, the question as it came, and an answer for each address (RFC 1035 section 4.1). */
function reply(query: Buffer, questionEnd: number, found: readonly number[][]): Buffer {
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(found.length ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  header.writeUInt32BE(0, 8);
  const answers = found.map((address) =>
    Buffer.from([
      0xc0,
      12,
      0,
      address.length === 4 ? 1 : 28,
      0,
      1,
      0,
      0,
      0,
      60,
      0,
      address.length,
      ...address,
    ]),
  );
  return Buffer.concat([header, query.subarray(12, questionEnd), ...answers]);
}
