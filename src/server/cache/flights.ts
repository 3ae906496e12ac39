/**
 * One render a path at a time, shared by everyone who may: a request joins a render only when that began after every change the
 * request came after. Few renders run at once; paths that people really look at go before strangers, so that a flood of made-up
 * addresses delays no one.
 */
export type Flights<T> = {
  /** @param version the newest page version that the caller knows of: what it gets is at least as new */
  join: (path: string, version: number) => Promise<T>;
};

export type FlightOptions<T> = {
  /** Rises with every change in this process. */
  epoch: () => number;
  readVersion: () => Promise<number>;
  run: (path: string, version: number, epoch: number) => Promise<T>;
  isKnown: (path: string) => boolean;
  wait: (ms: number) => Promise<void>;
};

/** A render that takes longer has hung: its place is given to another. */
export const HUNG_MS = 15_000;

type Flight<T> = {
  /** The epoch at which it truly began; infinite while it waits for its turn, when anyone may still join. */
  epoch: number;
  /** The version just before its render; null when that could not be read. */
  begun: Promise<number | null>;
  result: Promise<T>;
};

const AT_ONCE = 4;
const MAX_WAITING = 256;

export function createFlights<T>(options: FlightOptions<T>): Flights<T> {
  const flights = new Map<string, Flight<T>>();
  const turns = createTurns(AT_ONCE, MAX_WAITING);

  function launch(path: string): Flight<T> {
    const turn = turns.take(options.isKnown(path));
    const version = turn.then(() => {
      flight.epoch = options.epoch();
      return options.readVersion();
    });
    const result = version.then((begun) => options.run(path, begun, flight.epoch));
    const flight: Flight<T> = {
      epoch: Number.POSITIVE_INFINITY,
      begun: version.catch(() => null),
      result,
    };
    flights.set(path, flight);
    const end = () => {
      if (flights.get(path) === flight) flights.delete(path);
    };
    void turn.then(async () => {
      await Promise.race([result.catch(() => undefined), options.wait(HUNG_MS)]);
      end();
      turns.give();
    }, end);
    return flight;
  }

  return {
    join: async (path, version) => {
      const epoch = options.epoch();
      const running = flights.get(path);
      if (running && running.epoch >= epoch) {
        const begun = await running.begun;
        if (begun === null || begun >= version) return running.result;
        // It read the database before the change that we know of. Another may have launched a newer one meanwhile.
        const newer = flights.get(path);
        if (newer && newer !== running) return newer.result;
      }
      return launch(path).result;
    },
  };
}

type Turns = { take: (first: boolean) => Promise<void>; give: () => void };

function createTurns(atOnce: number, maxWaiting: number): Turns {
  let running = 0;
  const known: (() => void)[] = [];
  const strangers: (() => void)[] = [];
  return {
    take: (first) => {
      if (running < atOnce) {
        running += 1;
        return Promise.resolve();
      }
      const line = first ? known : strangers;
      if (line.length >= maxWaiting) return Promise.reject(new Error('Too many pages wait to be rendered.'));
      return new Promise((resolve) => line.push(resolve));
    },
    give: () => {
      const next = known.shift() ?? strangers.shift();
      if (next) next();
      else running -= 1;
    },
  };
}
