import { isIPv6 } from 'node:net';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '#domain/errors.ts';

export type Attempt = {
  /** The account as typed, in lower case, whether it exists or not. */
  account: string;
  address: string;
  /** A device on which this account was signed in to before; null for a stranger's. */
  device: string | null;
};

/**
 * How often wrong passwords may be tried. Failures are counted, successes are given back.
 *
 * A stranger is counted three times over: by address (one machine that tries many accounts), by account and address (one machine
 * that tries one account), and by account (many machines that try one account). The last would let anyone lock an owner out by
 * failing on purpose, so a device that has signed in to the account before carries a signed cookie and is counted by itself
 * alone: whatever strangers do, it keeps its own attempts. Nothing here ever closes an account.
 *
 * Counts are in this process's memory: two web processes allow twice as much, and a restart forgets.
 */
export function createSignInLimits() {
  const byAddress = limiter('address', 30, 15);
  const byPair = limiter('pair', 8, 15);
  const byAccount = limiter('account', 60, 60);
  const byDevice = limiter('device', 10, 15);

  const bucketsOf = ({ account, address, device }: Attempt): [RateLimiterMemory, string][] => {
    if (device !== null) return [[byDevice, `${device} ${account}`]];
    const network = networkOf(address);
    return [
      [byPair, `${account} ${network}`],
      [byAddress, network],
      [byAccount, account],
    ];
  };

  return {
    /** Counts an attempt before it is checked, so that many at once cannot slip past. @throws AppError `too_many` */
    admit: async (attempt: Attempt): Promise<void> => {
      for (const [bucket, key] of bucketsOf(attempt)) {
        try {
          await bucket.consume(key);
        } catch (refusal) {
          throw tooMany(refusal);
        }
      }
    },
    /** Gives back what a right password took. */
    succeeded: async (attempt: Attempt): Promise<void> => {
      for (const [bucket, key] of bucketsOf(attempt)) await bucket.reward(key);
    },
  };
}

export type SignInLimits = ReturnType<typeof createSignInLimits>;

/** This process's counts. */
export const signInLimits = createSignInLimits();

/**
 * How often the private page's one password may be tried: by network, and by everyone together, who after that wait for one another. A
 * browser that has come in carries a cookie, and is not held up.
 */
export function createDoorLimits() {
  const byNetwork = limiter('door', 20, 15);
  const overall = limiter('doors', 10_000, 15);
  const bucketsOf = (address: string): [RateLimiterMemory, string][] => [
    [byNetwork, networkOf(address)],
    [overall, 'all'],
  ];
  return {
    /** Counts a try before it is checked. @throws AppError `too_many` */
    admit: async (address: string): Promise<void> => {
      for (const [bucket, key] of bucketsOf(address)) {
        try {
          await bucket.consume(key);
        } catch (refusal) {
          throw tooMany(refusal, 'Wait a few minutes and try again.');
        }
      }
    },
    /** Gives back what a right password took. */
    succeeded: async (address: string): Promise<void> => {
      for (const [bucket, key] of bucketsOf(address)) await bucket.reward(key);
    },
  };
}

export type DoorLimits = ReturnType<typeof createDoorLimits>;

/** One IPv4 address, or the /64 that one IPv6 customer is given whole. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head, tail] = plain.toLowerCase().split('::') as [string, string | undefined];
  const left = head ? head.split(':') : [];
  const right = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

function limiter(keyPrefix: string, points: number, minutes: number): RateLimiterMemory {
  return new RateLimiterMemory({ keyPrefix, points, duration: minutes * 60 });
}

function tooMany(refusal: unknown, fix?: string): unknown {
  // A fault inside the limiter is an Error; a refusal is its result.
  if (refusal instanceof Error) return refusal;
  const seconds = Math.max(1, Math.ceil((refusal as RateLimiterRes).msBeforeNext / 1000));
  const minutes = Math.ceil(seconds / 60);
  return new AppError('too_many', 'Too many wrong passwords were tried.', {
    fix:
      fix ??
      `Wait ${minutes} minute${minutes === 1 ? '' : 's'} and try again. A browser in which you signed in before is not held up by what others try.`,
    retryAfter: seconds,
  });
}
