import { expect, it } from 'vitest';
import { type DigestStory, renderDigestMail } from '#emails/digest.ts';

const SITE = { name: 'Harbour', url: 'https://status.harbour.example', timeZone: 'America/New_York' };
const STORY: DigestStory = {
  id: 'k3j9x0q2m8ab',
  kind: 'incident',
  title: 'Slow search',
  scope: null,
  startedAt: '2026-11-20T12:00:00.000Z',
  status: 'identified',
  resolvedAt: null,
  nextUpdateBy: '2026-11-21T20:00:00.000Z',
  said: [{ status: 'identified', body: 'The index is rebuilt.', postedAt: '2026-11-20T15:00:00.000Z' }],
};

const digest = (changes: Partial<DigestStory> = {}) =>
  renderDigestMail({
    site: SITE,
    from: '2026-11-20T14:00:00.000Z',
    to: '2026-11-21T14:00:00.000Z',
    stories: [{ ...STORY, ...changes }],
  });

it('says when the next word on what goes on comes, in the reader’s zone', () => {
  const { html, text } = digest();
  expect(text).toContain('The index is rebuilt.\n  Next update by 15:00 GMT-5\n');
  expect(html).toContain('Next update by <b>15:00 GMT-5</b>');
});

it.each<[string, Partial<DigestStory>]>([
  ['nothing is promised', { nextUpdateBy: null }],
  ['the promise has passed', { nextUpdateBy: '2026-11-21T14:00:00.000Z' }],
  ['it is over', { status: 'resolved', resolvedAt: '2026-11-20T16:00:00.000Z' }],
])('says no time where %s', (_, changes) => {
  const { html, text } = digest(changes);
  expect(html + text).not.toContain('Next update');
});
