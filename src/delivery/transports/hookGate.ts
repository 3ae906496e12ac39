/** Calls to one host at a time, as long as it answers. */
const PER_HOST = 8;
/** And as long as it does not: one feels the way. */
const PER_SILENT = 1;
/** Calls beside these to each host, whether or not it answers, for staff: their room may be where a thousand subscribers have theirs. */
const KEPT_FOR_STAFF = 2;
/** Calls at a time to all hosts together that did not answer last: the others always find room. */
const SILENT = 16;
/** How long a call waits for its turn before it gives its place to calls elsewhere. */
const WAIT_MS = 2_000;

/** Keeps a host that is slow or dead from holding up the others: it gets so many calls at a time and no more. */
export type Gate = {
  /** Resolves when the host may be called: `leave` must follow. Null: others are being called there, so come back later. */
  enter(host: string, forStaff: boolean): Promise<{ leave: (answered: boolean) => void } | null>;
};

type Host = { calls: number; silent: boolean; waiting: ((mayGo: boolean) => void)[] };

export function createGate(waitMs = WAIT_MS): Gate {
  const hosts = new Map<string, Host>();
  let silentCalls = 0;

  return {
    async enter(name, forStaff) {
      let host = hosts.get(name);
      if (!host) {
        host = { calls: 0, silent: false, waiting: [] };
        hosts.set(name, host);
      }
      if (hasRoom(host, forStaff)) host.calls++;
      else if (!(await turn(host))) return null;
      return begin(name, host);
    },
  };

  function hasRoom(host: Host, forStaff: boolean): boolean {
    const kept = forStaff ? KEPT_FOR_STAFF : 0;
    if (!host.silent) return host.calls < PER_HOST + kept;
    return host.calls < PER_SILENT + kept && (forStaff || silentCalls < SILENT);
  }

  /** Whoever waits where nothing answers would wait in vain. */
  function turn(host: Host): Promise<boolean> {
    if (host.silent) return Promise.resolve(false);
    return new Promise((resolve) => {
      const decide = (mayGo: boolean) => {
        clearTimeout(timer);
        // Taken at once, so that nobody who comes in between takes it too.
        if (mayGo) host.calls++;
        host.waiting = host.waiting.filter((other) => other !== decide);
        resolve(mayGo);
      };
      const timer = setTimeout(() => decide(false), waitMs);
      host.waiting.push(decide);
    });
  }

  function begin(name: string, host: Host): { leave: (answered: boolean) => void } {
    const wasSilent = host.silent;
    if (wasSilent) silentCalls++;
    return {
      leave(answered) {
        host.calls--;
        if (wasSilent) silentCalls--;
        host.silent = !answered;
        if (host.silent) for (const waiting of [...host.waiting]) waiting(false);
        else if (host.calls < PER_HOST) host.waiting[0]?.(true);
        // What is known of a host that answers is nothing that need be kept.
        if (!host.calls && !host.silent && !host.waiting.length) hosts.delete(name);
      },
    };
  }
}
