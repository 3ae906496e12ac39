import { describe, expect, it } from 'vitest';
import { countWords, type HintCode, type HintInput, hintsFor, wordingSummary } from '#domain/hints.ts';

const GOOD =
  'Since 14:05 UTC, card payments may fail for one in three customers in Europe. Bank transfer and gift cards work.';

function codes(body: string, more: Partial<HintInput> = {}): HintCode[] {
  return hintsFor({ body, audience: 'public', affected: 'some customers', ...more }).map((hint) => hint.code);
}

describe('hints on wording', () => {
  it('says nothing about good wording, or about none', () => {
    expect(hintsFor({ body: GOOD, audience: 'public' })).toEqual([]);
    expect(hintsFor({ body: '  \n', audience: 'public' })).toEqual([]);
  });

  it.each<[HintCode, string[]]>([
    ['variable', ['{{provider}} has trouble.', 'Since {{ started }}', 'A {{7*7}} thing']],
    [
      'host',
      [
        'db-eu-03 is down.',
        'The host pay.prod.internal fails.',
        'Reached 10.0.3.17 late.',
        'See api.example.com.',
        'On 2001:db8:0:1::7 it fails.',
      ],
    ],
    ['handle', ['Ask @mia about it.', '(@ops-team is on it)']],
    [
      'jargon',
      ['p99 is high.', 'A rollback is running.', 'OOM again.', 'The K8s nodes restart.', 'HTTP 503 seen.'],
    ],
    [
      'blame',
      [
        'An engineer accidentally deleted it.',
        'It was human error.',
        'The vendor is to blame.',
        'Careless work.',
      ],
    ],
    [
      'apology',
      [
        'We apologize for any inconvenience.',
        'We apologise for the inconvenience.',
        'Sorry for any inconvenience caused.',
        'Thank you for your patience.',
      ],
    ],
    [
      'cause',
      ['This was caused by a bad disk.', 'The cause is a full disk.', 'It happened because a disk was full.'],
    ],
    [
      'relative_time',
      [
        'Back in 10 minutes.',
        'It began two hours ago.',
        'Fixed today.',
        'We will update shortly.',
        'More in the next 5 mins.',
      ],
    ],
    ['shouting', ['PAYMENTS ARE DOWN for now.', 'PLEASE DO NOT RETRY']],
  ])('%s', (code, bodies) => {
    for (const body of bodies) expect(codes(body), body).toContain(code);
  });

  it.each([
    'Since 14:05 UTC, e.g. at checkout.',
    'Write to help@example.com.',
    'See https://status.example.com/incidents/abc for more.',
    'Version 2.1.3 of the app works.',
    'The US and the EU work.',
    'SMS and 3D Secure work.',
    'Step-2 of the form works.',
    'It is done.We go on.',
    'Poduszki and Deployable are only words.',
  ])('leaves “%s” alone', (body) => {
    expect(codes(body)).toEqual([]);
  });

  it('asks who is affected until some field says so, or it is over', () => {
    const body = 'Card payments fail.';
    expect(codes(body, { affected: '' })).toEqual(['nobody']);
    expect(codes(body, { affected: '', scope: 'Europe' })).toEqual([]);
    expect(codes(body, { affected: '', status: 'resolved' })).toEqual([]);
    expect(codes(body, { affected: '', audience: 'internal' })).toEqual([]);
    expect(codes('About 30% of card payments fail.', { affected: '' })).toEqual([]);
  });

  it('points out length only past a comfortable one', () => {
    expect(codes('word '.repeat(120))).toEqual([]);
    expect(codes('word '.repeat(121))).toEqual(['long']);
  });

  it('lets colleagues have their jargon, hosts and handles, but not vague times', () => {
    expect(codes('@mia does a rollback of db-eu-03.', { audience: 'internal' })).toEqual([]);
    expect(codes('Done in 10 minutes.', { audience: 'internal' })).toEqual(['relative_time']);
  });

  it('points at the letters, in order, once for the same letters', () => {
    const body = 'The root cause is a rollback; {{region}} recovers soon.';
    const hints = hintsFor({ body, audience: 'public', affected: 'x' });
    expect(hints.map((hint) => body.slice(hint.start, hint.end))).toEqual([
      'root cause',
      'rollback',
      '{{region}}',
      'soon',
    ]);
  });

  it('answers at once, whatever is pasted', () => {
    // Each would take a backtracking pattern hours; the test's own limit is the judge.
    for (const unit of ['a-', 'a.', '1:', '{{', '@a.', 'A ', 'an engineer ', 'in the next ', '::'])
      hintsFor({ body: unit.repeat(8000), audience: 'public' });
  });
});

describe('the line under the editor', () => {
  it('counts words and says what the text tells', () => {
    expect(wordingSummary({ body: GOOD, audience: 'public' })).toBe(
      '20 words. Says who is affected, what works and since when.',
    );
    expect(wordingSummary({ body: 'Down.', audience: 'public' })).toBe('1 word.');
    expect(wordingSummary({ body: '', audience: 'public' })).toBe('');
    expect(countWords('one – two, {{x}}')).toBe(3);
  });
});
