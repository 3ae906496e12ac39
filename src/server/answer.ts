/** A whole HTTP answer in memory, before compression. Header names are lower case; a name may come twice (set-cookie). */
export type Answer = { status: number; headers: readonly (readonly [string, string])[]; body: Buffer };

export function headerOf(answer: Answer, name: string): string | null {
  return answer.headers.find(([key]) => key === name)?.[1] ?? null;
}

/** The answer with headers set: each replaces what had its name; null removes it. */
export function withHeaders(answer: Answer, changes: Record<string, string | null>): Answer {
  const kept = answer.headers.filter(([name]) => !(name in changes));
  const set = Object.entries(changes).filter((pair): pair is [string, string] => pair[1] !== null);
  return { ...answer, headers: [...kept, ...set] };
}

export function textAnswer(status: number, text: string, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: [
      ['content-type', 'text/plain; charset=utf-8'],
      ['cache-control', 'no-store'],
      ...Object.entries(headers),
    ],
    body: Buffer.from(`${text}\n`),
  };
}

export function jsonAnswer(status: number, value: unknown): Answer {
  return {
    status,
    headers: [
      ['content-type', 'application/json; charset=utf-8'],
      ['cache-control', 'no-store'],
    ],
    body: Buffer.from(JSON.stringify(value)),
  };
}

/** Reads a fetch Response to its end, so that an error late in a render is still an error. */
export async function toAnswer(response: Response): Promise<Answer> {
  const body = response.body ? Buffer.from(await response.arrayBuffer()) : Buffer.alloc(0);
  const headers: [string, string][] = [];
  for (const [name, value] of response.headers) {
    // fetch joins every other repeated header; cookies come one by one.
    headers.push([name, value]);
  }
  return { status: response.status, headers, body };
}
