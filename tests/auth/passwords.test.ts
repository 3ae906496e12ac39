import { hash, verify } from '@node-rs/argon2';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hashPassword, needsRehash, passwordProblem, verifyPassword } from '#auth/passwords.ts';

vi.mock('@node-rs/argon2', { spy: true });

afterEach(() => void vi.mocked(hash).mockRestore());

describe('a password that someone wants', () => {
  it.each([
    ['eleven char', '11 characters'],
    ['x'.repeat(257), 'too long'],
    ['password1234', 'many people use'],
    ['Password2026!', 'many people use'],
    ['P@ssw0rd2026', 'many people use'],
    ['!!Sunshine123!!', 'many people use'],
    ['1qaz2wsx3edc', 'many people use'],
    ['123456789012', 'many people use'],
    ['qwertyuiopas', 'many people use'],
    ['lkjhgfdsapoi', 'many people use'],
    ['aaaaaaaaaaaaaa', 'many people use'],
    ['abcabcabcabc', 'many people use'],
    ['dragondragondragon', 'many people use'],
    ['ada.lovelace-1815', 'email address'],
    ['mine:ADA.LOVELACE@example.com', 'email address'],
  ])('%s is refused: %s', (password, reason) => {
    expect(passwordProblem(password, 'ada.lovelace@example.com')).toContain(reason);
  });

  it.each([
    'river-lantern-42-moss',
    'correct horse battery staple',
    'ünïcödé ist auch gut so',
    '👩‍🚀🐙🌋🧭🪁🧲🪗🛶🧵🪞🧊🎏',
    'x8$Lq!v2#Tz9',
    ' leading and trailing  ',
  ])('%s is accepted', (password) => {
    expect(passwordProblem(password, 'ada.lovelace@example.com')).toBeNull();
  });

  it('may hold a very short name by chance', () => {
    expect(passwordProblem('metal-garden-also-9', 'al@example.com')).toBeNull();
  });
});

describe('hashing', () => {
  it('is argon2id with 19 MiB, two passes and one lane, salted each time', async () => {
    const [one, two] = await Promise.all([
      hashPassword('river-lantern-42'),
      hashPassword('river-lantern-42'),
    ]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
    expect(needsRehash(one)).toBe(false);
    expect(await verifyPassword(one, 'river-lantern-42')).toBe(true);
    expect(await verifyPassword(one, 'river-lantern-43')).toBe(false);
  });

  it('takes the same letters in either Unicode form, as different keyboards send them', async () => {
    const stored = await hashPassword('se\u00f1or-lantern-42');
    expect(await verifyPassword(stored, 'sen\u0303or-lantern-42')).toBe(true);
    const other = await hashPassword('sen\u0303or-lantern-42');
    expect(await verifyPassword(other, 'se\u00f1or-lantern-42')).toBe(true);
  });

  it('does the work even without anything to compare with, and says no', async () => {
    vi.mocked(verify).mockClear();
    expect(await verifyPassword(null, 'no account has this password')).toBe(false);
    expect(await verifyPassword('', 'no account has this password')).toBe(false);
    expect(vi.mocked(verify)).toHaveBeenCalledTimes(2);
  });

  it('runs at most two at once, hands each place on, and turns away past a hundred in the queue', async () => {
    const finish: (() => void)[] = [];
    let running = 0;
    let most = 0;
    vi.mocked(hash).mockImplementation(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => finish.push(resolve));
      running--;
      return 'hash';
    });
    const all = Array.from({ length: 102 }, () => hashPassword('river-lantern-42'));
    await expect(hashPassword('river-lantern-42')).rejects.toMatchObject({
      code: 'unavailable',
      retryAfter: 5,
    });
    for (let done = 0; done < 112; done++) {
      // Newcomers while the queue drains must not slip in beside those who waited.
      if (done >= 50 && done < 60) all.push(hashPassword('river-lantern-42'));
      while (finish.length <= done) await Promise.resolve();
      finish[done]?.();
    }
    expect(await Promise.all(all)).toHaveLength(112);
    expect(most).toBe(2);
  });
});
