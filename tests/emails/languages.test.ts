import { describe, expect, it } from 'vitest';
import { type DigestMail, renderDigestMail } from '#emails/digest.ts';
import {
  renderHookConfirmMail,
  renderHookEndedMail,
  renderHookLinkMail,
  renderHookQuarantinedMail,
} from '#emails/hooks.ts';
import {
  personalise,
  type Rendered,
  renderAlreadySubscribedMail,
  renderConfirmMail,
  renderUnsubscribedMail,
  renderUpdateMail,
  type UpdateMail,
} from '#emails/render.ts';
import { renderFreshLinkMail, renderLeaveMail } from '#emails/subscription.ts';
import { strayIn, strayWords } from '../pages/strayWords.ts';
import { PROGRESS, RESOLVED, SCHEDULED } from './samples.ts';

const url = 'https://x.example.com';
/** All that someone can type is Greek. */
const site = { name: 'Λιμάνι', url, timeZone: 'UTC', languages: ['en-XA'] as const };
const LINKS = Object.fromEntries(
  ['unsubscribe_url', 'manage_url', 'confirm_url', 'leave_url', 'hook_url'].map((name) => [
    name,
    `${url}/${name}`,
  ]),
);

function greek(mail: UpdateMail, changes: Partial<UpdateMail> = {}): UpdateMail {
  const said = { body: 'Κοιτάμε.', status: mail.update.status, postedAt: mail.incident.startedAt };
  return {
    ...mail,
    site,
    incident: { ...mail.incident, title: 'Δεν λειτουργεί', scope: 'Ευρώπη' },
    update: {
      ...mail.update,
      ...{ body: 'Κοιτάμε. '.repeat(30), scope: 'Αθήνα', affected: 'Πολλοί' },
      ...{ workaround: 'Μετρητά', estimate: 'Σήμερα' },
    },
    components: Array.from({ length: 23 }, (_, i) => ({
      name: `Ταμείο ${i}`,
      status: (['operational', 'under_maintenance', 'degraded_performance', 'partial_outage'] as const)[
        i % 4
      ]!,
    })),
    earlier: [said, said],
    missed: [said, { ...said, body: 'Κοιτάμε. '.repeat(20_000) }],
    ...changes,
  };
}

const STORY: DigestMail['stories'][number] = {
  ...{ id: 'a1', kind: 'incident', title: 'Δεν λειτουργεί', scope: 'Ευρώπη', startedAt: PROGRESS.now },
  ...{ status: 'identified', resolvedAt: null, nextUpdateBy: '2026-11-21T15:30:00.000Z' },
  said: [1, 2].map(() => ({ status: 'identified', body: 'Κοιτάμε.', postedAt: PROGRESS.now })),
};
const ENDED = { ...STORY, status: 'resolved', resolvedAt: '2026-11-20T18:30:00.000Z' } as const;
const digest = (stories: DigestMail['stories']) =>
  renderDigestMail({ site, stories, from: PROGRESS.now, to: '2026-11-21T09:00:00.000Z' });

const hook = { site, place: { channel: 'webhook', shown: `${url}/hook` } } as const;
const reason = 'It answered 503.';

const MAILS: [string, Rendered][] = [
  ['progress', renderUpdateMail(greek(PROGRESS))],
  ['resolved', renderUpdateMail(greek(RESOLVED))],
  ['planned', renderUpdateMail(greek(SCHEDULED))],
  ['moved', renderUpdateMail(greek({ ...SCHEDULED, update: { ...SCHEDULED.update, kind: 'moved' } }))],
  ['new end', renderUpdateMail(greek({ ...SCHEDULED, update: { ...SCHEDULED.update, kind: 'newEnd' } }))],
  ['reminder', renderUpdateMail(greek(SCHEDULED, { reminder: true }))],
  ['correction', renderUpdateMail(greek(PROGRESS, { correction: { saidAt: PROGRESS.now, wrong: 'Λάθος' } }))],
  ['reopened', renderUpdateMail(greek({ ...PROGRESS, update: { ...PROGRESS.update, kind: 'reopening' } }))],
  ['corrected', renderUpdateMail(greek({ ...PROGRESS, update: { ...PROGRESS.update, kind: 'correction' } }))],
  [
    'called off',
    renderUpdateMail(greek({ ...SCHEDULED, incident: { ...SCHEDULED.incident, calledOff: true } })),
  ],
  ['digest', digest([STORY, ENDED])],
  ['digest of one', digest([STORY])],
  ['digest of the past', digest([ENDED, ENDED])],
  ['confirm', renderConfirmMail({ site })],
  ['already', renderAlreadySubscribedMail({ site })],
  ['unsubscribed', renderUnsubscribedMail({ site })],
  ['manage', renderFreshLinkMail({ site })],
  ['leave', renderLeaveMail({ site })],
  ['webhook to confirm', renderHookConfirmMail(hook)],
  ['webhook', renderHookLinkMail(hook)],
  ['webhook that rests', renderHookQuarantinedMail({ ...hook, since: PROGRESS.now, reason })],
  ['webhook that ended', renderHookEndedMail(hook)],
];

describe('every word of a subscriber’s mail', () => {
  it.each(MAILS)('comes from the catalogue: %s', (_, mail) => {
    const { html, text } = personalise(mail, LINKS, 'Asia/Tokyo');
    // The zone's own name, and addresses, are nobody's words.
    const bare = (words: string) => words.replace(/https?:\/\/[^\s"<>]+|GMT\+9/g, '').replaceAll('\n', ' ');
    expect(strayIn(bare(`${mail.subject}\n${text}`)).match(/[A-Za-z]+/g)).toBeNull();
    expect(strayWords(bare(html.replace(/<head>[\s\S]*<\/head>/, '')))).toEqual([]);
    expect(html).toContain('lang="en-XA"');
  });
});

it('a mail has one text a language, and what was typed is the same in all of them', () => {
  const languages = ['en', 'de', 'ar'] as const;
  const mail = renderUpdateMail({ ...PROGRESS, site: { ...PROGRESS.site, languages } });
  const alone = renderUpdateMail(PROGRESS);
  expect({ ...mail, translations: undefined }).toEqual({ ...alone, translations: undefined });
  const { de, ar } = mail.translations!;
  expect(Object.keys(mail.translations!)).toEqual(['de', 'ar']);
  expect(de!.subject).toBe('[Ursache gefunden] Checkout failures for card payments (EU only)');
  expect(ar!.subject).toBe('[عُرف السبب] Checkout failures for card payments (EU only)');
  for (const { html, text } of [mail, de!, ar!]) {
    expect(text).toContain('Bank transfer and gift cards work.');
    expect(html).toContain(
      '<b>one in three</b>'.replaceAll('b>', html.includes('<strong>') ? 'strong>' : 'b>'),
    );
  }
  expect(de!.text).toContain('Nächste Meldung bis 15:30 UTC');
  expect(de!.text).toContain('https://status.harbour.example/de/incidents/k3j9x0q2m8ab');
  expect(ar!.html).toContain('<html lang="ar" dir="rtl"');
  expect(ar!.html).not.toContain('text-align:left');
  // What stood at the right stands at the left: the statuses of components.
  expect(ar!.html.match(/<td[^>]*align="left"/g)).toHaveLength(PROGRESS.components.length);
  expect(ar!.html).not.toMatch(/direction:ltr|dir="ltr"/);
  expect(ar!.html).toContain('padding:8px 0 8px 12px');
  // What was said before runs as the text above it does: none of it is a line of the other direction.
  expect(de!.html).toContain('<span dir="auto">');
  expect(ar!.html).not.toContain('<span dir="auto">');
  expect(ar!.html).toContain('<div dir="auto" style="text-align:start">');
  expect(de!.html).toContain('<html lang="de" dir="ltr"');
});

it('the reader’s own zone is told in the mail’s language', () => {
  const mail = renderUpdateMail({ ...SCHEDULED, site: { ...SCHEDULED.site, languages: ['de'] } });
  expect(personalise(mail, LINKS, 'Europe/Berlin').text).toContain('(22. Nov. 2026, 03:00 bis 05:00 MEZ)');
});

it('a drill is told to staff, in the house’s language alone', () => {
  const languages = ['de', 'en'] as const;
  const mail = renderUpdateMail({
    ...PROGRESS,
    site: { ...PROGRESS.site, languages },
    incident: { ...PROGRESS.incident, drill: true },
  });
  expect(mail.translations).toBeUndefined();
  expect(mail.subject).toBe('DRILL: [Identified] Checkout failures for card payments (EU only)');
});
