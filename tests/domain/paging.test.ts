import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DELIVERY_STATES, type DeliveryState } from '#domain/deliveries.ts';
import {
  alertsOf,
  dedupKey,
  followUpOf,
  isCalled,
  type PagerAction,
  type PagingStanding,
  type PagingWord,
} from '#domain/paging.ts';
import { addMs, MINUTE } from '#domain/time.ts';

const T0 = '2026-11-20T14:00:00.000Z';
const DUE = '2026-11-20T14:05:00.000Z';
let seq = 0;
const word = (action: PagerAction, state: DeliveryState, changes: Partial<PagingWord> = {}): PagingWord => ({
  deliverySeq: ++seq,
  action,
  due: DUE,
  at: T0,
  state,
  attempts: 0,
  ...changes,
});
const open: PagingStanding = { isPager: true, rests: false, gone: false, awaited: true, heldSince: null };
const held = { ...open, heldSince: addMs(T0, MINUTE) };
const over = { ...open, awaited: false };

describe('which calls a place gets', () => {
  const place = { severities: ['SEV1', 'SEV2'] as const, calls: 'pressing' as const };

  it('what cannot wait: the first word, what is due or late, a role that nobody has', () => {
    for (const [clock, kind] of [
      ['public', 'first'],
      ['public', 'due'],
      ['public', 'late'],
      ['internal', 'late'],
      ['roles', 'ask'],
    ] as const)
      expect(isCalled(place, 'SEV1', { clock, kind }), `${clock} ${kind}`).toBe(true);
    for (const [clock, kind] of [
      ['public', 'before'],
      ['pace', 'ask'],
    ] as const) {
      expect(isCalled(place, 'SEV1', { clock, kind })).toBe(false);
      expect(isCalled({ ...place, calls: 'all' }, 'SEV1', { clock, kind })).toBe(true);
    }
  });

  it('of the severities that it is for', () => {
    expect(isCalled({ ...place, calls: 'all' }, 'SEV3', { clock: 'public', kind: 'late' })).toBe(false);
  });

  it('are known to a pager by incident and clock', () => {
    expect(dedupKey('abc', 'public', 1)).toBe('foghorn-abc-public');
    expect(dedupKey('abc', 'public', 2)).toBe('foghorn-abc-public-2');
    const long = [1, 2].map((alert) => dedupKey('x'.repeat(400), 'public', alert));
    expect(long.map(({ length }) => length)).toEqual([255, 255]);
    expect(new Set(long).size).toBe(2);
  });
});

describe('what follows a call', () => {
  it('nothing, while the word is awaited and nobody has it', () => {
    for (const state of ['queued', 'in_batch', 'accepted'] as const)
      expect(followUpOf([word('trigger', state)], open)).toEqual({
        drop: [],
        say: null,
        alerts: [],
        close: false,
      });
  });

  it('an acknowledgement once it was taken and someone has it, and only one', () => {
    const trigger = word('trigger', 'accepted');
    expect(followUpOf([trigger], held).say).toBe('acknowledge');
    for (const state of ['queued', 'accepted', 'refused'] as const)
      expect(followUpOf([trigger, word('acknowledge', state)], held).say).toBeNull();
  });

  it('no acknowledgement of what was called after someone said so', () => {
    expect(followUpOf([word('trigger', 'accepted', { at: addMs(T0, 20 * MINUTE) })], held).say).toBeNull();
  });

  it('an end once it was taken and the word has come, and only one', () => {
    const said = [word('trigger', 'accepted'), word('acknowledge', 'accepted')];
    expect(followUpOf(said, over)).toEqual({ drop: [], say: 'resolve', alerts: [1], close: false });
    expect(followUpOf([...said, word('resolve', 'queued')], over)).toEqual({
      drop: [],
      say: null,
      alerts: [],
      close: false,
    });
    expect(followUpOf([...said, word('resolve', 'accepted')], over).close).toBe(true);
    expect(followUpOf([...said, word('resolve', 'refused')], over).close).toBe(true);
  });

  it('neither of a call that never left: it is dropped', () => {
    const trigger = word('trigger', 'queued');
    for (const standing of [held, over]) {
      const next = followUpOf([trigger], standing);
      expect(next).toMatchObject({ drop: [trigger.deliverySeq], say: null });
    }
    expect(followUpOf([trigger], over).close).toBe(true);
    // It may have come all the same: no answer is no refusal.
    expect(followUpOf([word('trigger', 'queued', { attempts: 1 })], over)).toMatchObject({ say: 'resolve' });
    expect(followUpOf([word('trigger', 'refused')], over)).toMatchObject({ say: null, close: true });
  });

  it('nothing while the outcome of something is open', () => {
    const next = followUpOf([word('trigger', 'accepted'), word('trigger', 'in_batch')], over);
    expect(next).toEqual({ drop: [], say: null, alerts: [], close: false });
  });

  it('another alert of each first call after someone said so; the end ends them all', () => {
    const after = (...minutes: number[]) => minutes.map((one) => ({ at: addMs(T0, one * MINUTE) }));
    const [again, more] = after(20, 25);
    const first = [word('trigger', 'accepted'), word('trigger', 'accepted'), word('acknowledge', 'accepted')];
    expect(alertsOf(first)).toEqual({ next: 2, open: [1], ringing: [] });
    const second = [...first, word('trigger', 'accepted', again), word('trigger', 'accepted', more)];
    expect(alertsOf(second)).toEqual({ next: 2, open: [1, 2], ringing: [2] });
    const heldAgain = { ...open, heldSince: addMs(T0, 26 * MINUTE) };
    expect(followUpOf(second, heldAgain)).toMatchObject({ say: 'acknowledge', alerts: [2] });
    expect(followUpOf(second, over)).toMatchObject({ say: 'resolve', alerts: [1, 2] });
    // The newest never left: there is nothing of it to be ended, or to have.
    const never = [...first, word('trigger', 'queued', again)];
    expect(followUpOf(never, over)).toMatchObject({ say: 'resolve', alerts: [1] });
    expect(followUpOf(never, heldAgain)).toMatchObject({ say: null });
    // Of what was ended before there is nothing to say.
    const ended = [...second, word('resolve', 'accepted'), word('trigger', 'accepted', more)];
    expect(followUpOf(ended, over)).toMatchObject({ say: 'resolve', alerts: [2] });
    // Whoever said so while the pager was away said it of that alert: what comes after is another all the same.
    const unheard = [word('trigger', 'accepted'), word('acknowledge', 'superseded')];
    expect(alertsOf(unheard)).toEqual({ next: 2, open: [1], ringing: [1] });
  });

  it('an end again of what was called again after the first end', () => {
    const words = [word('trigger', 'accepted'), word('resolve', 'accepted'), word('trigger', 'accepted')];
    expect(followUpOf(words, over).say).toBe('resolve');
    // And where the newest call was dropped, of the one before it.
    expect(followUpOf([...words, word('trigger', 'queued')], over).say).toBe('resolve');
  });

  it('an end that a rest kept back, after it', () => {
    const words = [word('trigger', 'accepted'), word('resolve', 'suppressed', { attempts: 3 })];
    expect(followUpOf(words, { ...over, rests: true })).toEqual({
      drop: [],
      say: null,
      alerts: [],
      close: false,
    });
    expect(followUpOf(words, over).say).toBe('resolve');
  });

  it('nothing of an acknowledgement alone: it opens no call', () => {
    const words = [word('acknowledge', 'accepted'), word('trigger', 'queued')];
    expect(followUpOf(words, over)).toMatchObject({ say: null, close: true });
  });

  it('in a chat nothing: only what waits is dropped', () => {
    const waiting = word('trigger', 'queued');
    expect(followUpOf([waiting], { ...held, isPager: false })).toEqual({
      drop: [waiting.deliverySeq],
      say: null,
      alerts: [],
      close: false,
    });
    expect(followUpOf([word('trigger', 'accepted')], { ...over, isPager: false })).toEqual({
      drop: [],
      say: null,
      alerts: [],
      close: true,
    });
  });

  it('never speaks to a place that rests or is gone, nor ends what a pager never heard of, and always comes to an end', () => {
    const words = fc.array(
      fc.record({
        action: fc.constantFrom<PagerAction>('trigger', 'acknowledge', 'resolve'),
        state: fc.constantFrom(...DELIVERY_STATES),
        attempts: fc.nat(3),
      }),
      { minLength: 1, maxLength: 8 },
    );
    const standing = fc.record({
      isPager: fc.boolean(),
      rests: fc.boolean(),
      gone: fc.boolean(),
      awaited: fc.boolean(),
      heldSince: fc.constantFrom(null, addMs(T0, MINUTE)),
    });
    fc.assert(
      fc.property(words, standing, (given, now) => {
        const all = given.map((one) => word(one.action, one.state, { attempts: one.attempts }));
        const next = followUpOf(all, now);
        for (const dropped of next.drop)
          expect(all.find(({ deliverySeq }) => deliverySeq === dropped)?.state).toBe('queued');
        if (next.say) {
          expect(now.isPager && !now.rests && !now.gone).toBe(true);
          expect(all.some(({ state }) => state === 'in_batch')).toBe(false);
          expect(
            all.some((one) => one.action === 'trigger' && (one.state !== 'queued' || one.attempts)),
          ).toBe(true);
        }
        if (next.say === 'resolve') expect(now.awaited).toBe(false);
        if (next.say === 'acknowledge') expect(now.heldSince).not.toBeNull();
        // Whatever was said is taken at last: then there is an end.
        let later = all
          .filter(({ deliverySeq }) => !next.drop.includes(deliverySeq))
          .map((one) =>
            one.state === 'queued' || one.state === 'in_batch' ? { ...one, state: 'accepted' as const } : one,
          );
        const calm = { ...now, rests: false, awaited: false };
        for (let turn = 0; turn < 3; turn++) {
          const { say, close } = followUpOf(later, calm);
          if (close) return;
          if (say) later = [...later, word(say, 'accepted')];
        }
        expect.fail('It never ends.');
      }),
      { numRuns: 2_000 },
    );
  });

  it('rings whenever someone is called after someone said so, and leaves nothing open, whatever of it is lost', () => {
    const step = fc.record({
      kind: fc.constantFrom('call', 'have', 'run out', 'said'),
      /** Of what is said then: taken, or tried, with or without coming, or not even that. */
      fate: fc.constantFrom('taken', 'taken', 'came', 'lost', 'waits'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const pager = new Map<number, 'rings' | 'held'>();
        const about = new Map<number, number[]>();
        let words: PagingWord[] = [];
        let standing = open;
        const come = ({ action, deliverySeq }: PagingWord) => {
          for (const alert of about.get(deliverySeq) ?? []) {
            if (action === 'resolve') pager.delete(alert);
            else if (action === 'acknowledge') pager.has(alert) && pager.set(alert, 'held');
            else if (!pager.has(alert)) pager.set(alert, 'rings');
          }
        };
        const say = (action: PagerAction, alerts: number[], fate: string, at: string) => {
          const attempts = fate === 'came' || fate === 'lost' ? 1 : 0;
          const said = word(action, fate === 'taken' ? 'accepted' : 'queued', { attempts, at });
          about.set(said.deliverySeq, alerts);
          words = [...words, said];
          if (fate === 'taken' || fate === 'came') come(said);
        };
        const drop = (seqs: readonly number[]) => {
          words = words.map((one) =>
            seqs.includes(one.deliverySeq) ? { ...one, state: 'superseded' as const } : one,
          );
        };
        const follow = (fate: string, at: string) => {
          const next = followUpOf(words, standing);
          drop(next.drop);
          if (next.say) say(next.say, next.alerts, fate, at);
          if (!next.close) return;
          expect([...pager]).toEqual([]);
          words = [];
        };
        for (const [minute, { kind, fate }] of steps.entries()) {
          const at = addMs(T0, minute * MINUTE);
          if (kind === 'have') standing = { ...standing, heldSince: at };
          else if (kind === 'said') standing = over;
          else standing = open;
          if (kind === 'call') {
            drop(words.flatMap((one) => (one.state === 'queued' ? one.deliverySeq : [])));
            const { next } = alertsOf(words);
            expect(pager.get(next)).not.toBe('held');
            say('trigger', [next], fate, at);
          }
          follow(fate, at);
        }
        standing = over;
        for (let turn = 0; turn < 4 && words.length; turn++) {
          for (const one of words) if (one.state === 'queued') come(one);
          words = words.map((one) => (one.state === 'queued' ? { ...one, state: 'accepted' as const } : one));
          follow('taken', T0);
        }
        expect(words).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});
