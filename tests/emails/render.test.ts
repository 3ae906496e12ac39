import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { recipientLinks } from '#emails/links.ts';
import { isMoment } from '#emails/moments.ts';
import {
  MAX_HTML_BYTES,
  personalise,
  type Rendered,
  renderAlreadySubscribedMail,
  renderConfirmMail,
  renderUnsubscribedMail,
  renderUpdateMail,
  splitSlots,
  type UpdateMail,
} from '#emails/render.ts';
import { slotValue } from '#emails/slots.ts';
import { renderFreshLinkMail, renderLeaveMail } from '#emails/subscription.ts';
import { PROGRESS, RESOLVED, SCHEDULED } from './samples.ts';

const sign = (purpose: string, value: string) =>
  createHmac('sha256', 'k').update(`${purpose}\n${value}`).digest('base64url').slice(0, 32);
const LINKS = recipientLinks('https://status.harbour.example', sign, 'abcdefghijkl', PROGRESS.now);
const { site } = PROGRESS;

const withUpdate = (update: Partial<UpdateMail['update']>, rest: Partial<UpdateMail> = {}): UpdateMail => ({
  ...PROGRESS,
  ...rest,
  update: { ...PROGRESS.update, ...update },
});
/** What stands between the tags, as a reader of the HTML part sees it. */
const words = ({ html }: { html: string }) =>
  html
    .replace(/<(style|title)[\s\S]*?<\/\1>|<!--[\s\S]*?-->/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&(nbsp|ensp);/g, ' ')
    .replace(/\s+/g, ' ');

describe('the mail of an update', () => {
  const mail = renderUpdateMail(PROGRESS);

  it('has a subject with the status in brackets before a title that stays the same', () => {
    expect(mail.subject).toBe('[Identified] Checkout failures for card payments (EU only)');
    expect(renderUpdateMail(RESOLVED).subject).toBe(
      '[Resolved] Checkout failures for card payments (EU only)',
    );
    expect(renderUpdateMail(SCHEDULED).subject).toBe('[Scheduled] New hardware for the order database');
  });

  it('says the newest first, then whom it hits, what works, when the next word comes, what is touched, what was before', () => {
    expect(words(mail)).toMatch(
      /◆ Identified 20 Nov 2026, 15:06 UTC .*Checkout failures.*\(EU only\).*Since 14:15 UTC.*A payment provider.*Who is affected.*one in three.*What still works.*Bank transfer.*Next update by 15:30 UTC.*Checkout ■ Major outage.*Card payments ◆ Partial outage.*Earlier Investigating 14:36 UTC.*14:19 UTC.*Unsubscribe/,
    );
  });

  it('of a drill says so before anything else, leads inside, and can be unsubscribed from by nobody', () => {
    const drill = renderUpdateMail({ ...PROGRESS, incident: { ...PROGRESS.incident, drill: true } });
    expect(drill.subject).toBe('DRILL: [Identified] Checkout failures for card payments (EU only)');
    expect(drill.text).toMatch(
      /^DRILL\. This is a drill\. Nothing is broken and nobody outside sees\s+this\./,
    );
    expect(words(drill)).toMatch(
      /DRILL\. This is a drill\..*◆ Identified.*You get this because you take part/,
    );
    for (const part of [drill.html, drill.text]) {
      expect(part).toContain('/admin/incidents/k3j9x0q2m8ab');
      expect(part).not.toMatch(/harbour\.example\/incidents|Unsubscribe|asked/);
      expect(splitSlots(part).slots.filter((slot) => !isMoment(slot))).toEqual([]);
    }
    expect(mail.html + mail.text).not.toMatch(/drill/i);
  });

  it('keeps one thread per incident: the same root in every mail of it, the first included', () => {
    const root = '<incident-k3j9x0q2m8ab@status.harbour.example>';
    for (const { headers } of [mail, renderUpdateMail(RESOLVED)])
      expect(headers).toMatchObject({ References: root, 'In-Reply-To': root });
  });

  it('carries the headers of an automatic mail to a list', () => {
    expect(mail.headers).toMatchObject({
      'List-ID': '"Harbour status" <status.harbour.example>',
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'OOF, AutoReply',
      'Feedback-ID': 'k3j9x0q2m8ab:status.harbour.example:incident:foghorn',
    });
    for (const value of Object.values(mail.headers)) expect(value).toMatch(/^[\x20-\x7e]+$/);
  });

  it('names the list in ASCII, whatever the page is called', () => {
    const named = (name: string) =>
      renderUpdateMail({ ...PROGRESS, site: { ...site, name } }).headers['List-ID'];
    expect(named('Harbour')).toBe('"Harbour status" <status.harbour.example>');
    expect(named('Häfen')).toBe('<status.harbour.example>');
    expect(named('The "best" \\ port\r\nBcc: x@y.example')).toBe(
      '"The \\"best\\" \\\\ port Bcc: x@y.example status" <status.harbour.example>',
    );
  });

  it('has a preheader with the status and the first words', () => {
    expect(mail.html).toMatch(/<div style="display:none[^"]*">Identified: A payment provider in Frankfurt/);
  });

  it('is readable by screen readers and in the dark', () => {
    expect(mail.html).toContain('<html lang="en"');
    expect(mail.html).toContain('<meta name="color-scheme" content="light dark">');
    expect(mail.html).toContain('<meta name="supported-color-schemes" content="light dark">');
    expect(mail.html).toContain('prefers-color-scheme: dark');
    expect(mail.html.match(/<h1/g)).toHaveLength(1);
    const outside = mail.html.replace(/<!--[\s\S]*?-->/g, '');
    for (const table of outside.match(/<table[^>]*>(?=<tr><t[hd])|<table[^>]*>/g) ?? [])
      if (!table.includes('class="data"')) expect(table).toContain('role="presentation"');
    expect(outside.match(/<th [^>]*scope="row"/g)).toHaveLength(3);
  });

  it('never says a time without its zone', () => {
    const berlin = renderUpdateMail({ ...PROGRESS, site: { ...site, timeZone: 'Europe/Berlin' } });
    expect(berlin.text).toContain('Next update by 16:30 CET');
    const body = { body: 'It is broken.', affected: null };
    const times = withUpdate(body, {
      site: { ...site, timeZone: 'Europe/Berlin' },
      earlier: PROGRESS.earlier,
    });
    for (const time of personalise(renderUpdateMail(times), LINKS).text.matchAll(/\d\d:\d\d( \w+)?/g))
      expect(time[1]).toMatch(/^ (CET|GMT)/);
  });

  it('says when the next word comes in the zone that the reader asked for, too, where it reads otherwise', () => {
    const mail = renderUpdateMail(PROGRESS);
    const by = (zone: string | null) => /Next update by .*/.exec(personalise(mail, LINKS, zone).text)?.[0];
    expect(by('America/New_York')).toBe('Next update by 15:30 UTC (10:30 GMT-5)');
    expect(by('Pacific/Auckland')).toBe('Next update by 15:30 UTC (04:30 GMT+13)');
    for (const alike of [null, 'UTC', 'Etc/UTC'])
      expect(by(alike), String(alike)).toBe('Next update by 15:30 UTC');
    const html = personalise(mail, LINKS, 'America/New_York').html;
    expect(html).toContain('<b>15:30 UTC</b> (10:30 GMT-5)');
    expect(html).not.toMatch(/\p{Cc}(?<!\n)/u);
    const planned = personalise(renderUpdateMail(SCHEDULED), LINKS, 'America/New_York');
    expect(planned.text).toContain('22 Nov 2026, 02:00 to 04:00 UTC (21 Nov 2026, 21:00 to 23:00 GMT-5)\n');
    expect(planned.html).toContain('02:00 to 04:00 UTC (21 Nov 2026, 21:00 to 23:00 GMT-5)');
  });

  it('tells how long it took once it is over, and promises nothing more', () => {
    const resolved = renderUpdateMail({
      ...RESOLVED,
      update: { ...RESOLVED.update, nextUpdateBy: PROGRESS.update.nextUpdateBy },
    });
    expect(words(resolved)).toContain(
      '15:52 UTC Checkout failures for card payments (EU only) 14:15 to 15:52 UTC, 1 hour 37 minutes',
    );
    expect(resolved.text + words(resolved)).not.toContain('Next update');
  });

  it('gives a maintenance its window and its own page', () => {
    const scheduled = renderUpdateMail(SCHEDULED);
    expect(words(scheduled)).toContain('22 Nov 2026, 02:00 to 04:00 UTC');
    expect(scheduled.html).toContain('href="https://status.harbour.example/maintenance/k3j9x0q2m8ab"');
    const overnight = { ...SCHEDULED.incident, scheduledUntil: '2026-11-23T01:00:00.000Z' };
    expect(renderUpdateMail({ ...SCHEDULED, incident: overnight }).text).toContain(
      '22 Nov 2026, 02:00 UTC to 23 Nov 2026, 01:00 UTC',
    );
  });

  it('leaves out what was not said', () => {
    const bare = withUpdate(
      { affected: null, workaround: ' ', nextUpdateBy: null },
      { components: [], earlier: [], incident: { ...PROGRESS.incident, scope: null } },
    );
    const { html, text } = renderUpdateMail(bare);
    for (const part of [words({ html }), text])
      expect(part).not.toMatch(
        /Who is affected|What still works|Next update|Components|Earlier|null|undefined/,
      );
  });
});

describe('the plain-text part', () => {
  it('reads like a telegram', () => {
    expect(personalise(renderUpdateMail(PROGRESS), LINKS).text).toMatchInlineSnapshot(`
      "Harbour status
      20 Nov 2026, 15:06 UTC

      Identified: Checkout failures for card payments (EU only)
      Since 14:15 UTC

      A payment provider in Frankfurt is rejecting about one in three card
      payments. We are moving European card traffic to a second provider.

      Orders already placed are safe:

      - paid orders ship as usual
      - nobody is charged twice (how we know
        (https://harbour.example/payments))

      Who is affected
        About one in three card payments in Europe since 14:15 UTC.

      What still works
        Bank transfer and gift cards work. Browsing, sign-in and existing
        orders work normally.

      Next update by 15:30 UTC

      Components
        Checkout            Major outage
        Card payments       Partial outage
        Europe (Frankfurt)  Degraded

      Follow it on the status page:
      https://status.harbour.example/incidents/k3j9x0q2m8ab

      Earlier
        Investigating, 14:36 UTC
        We are still looking into failed checkouts. Nothing new to report yet;
        orders already placed are safe.

        Investigating, 14:19 UTC
        Some customers see an error when paying by card. We are looking into
        it.

      --
      You get this because you asked Harbour status for updates.

      Change what you get:
      https://status.harbour.example/subscription/dRa5xWdOXl_9-1RSVcG5Fdluie3fMWxxabcdefghijkl0tot3a0

      Unsubscribe:
      https://status.harbour.example/unsubscribe/x5DxZk8KWB-0kIUzLYqQYTwRVtpKmTsAabcdefghijkl
      "
    `);
    expect(personalise(renderConfirmMail({ site }), LINKS).text).toMatchInlineSnapshot(`
      "Confirm that you want updates from Harbour status

      Someone, most likely you, asked us to mail this address when something
      on Harbour status breaks, is planned, or works again.

      To say yes, open this address (it works for 7 days):
      https://status.harbour.example/confirm/Zbi8wIpBdlPWfrUCzZlGECQAHGzJjzVIabcdefghijkl0tot3a0

      You did not ask for this? Do nothing, and we will not write again.
      "
    `);
  });

  it('is set in 72 columns, with an address alone on its line', () => {
    const long = withUpdate({ body: 'word '.repeat(300), affected: 'word '.repeat(100) });
    for (const line of personalise(renderUpdateMail(long), LINKS).text.split('\n'))
      if (line.includes('https://')) expect(line).toMatch(/^https:\S+$/);
      else expect(line.length).toBeLessThanOrEqual(72);
  });

  it('says all of a long text, which the HTML part may cut', () => {
    expect(renderUpdateMail(withUpdate({ body: '<&> '.repeat(5_000) })).text.match(/<&>/g)).toHaveLength(
      5_000,
    );
  });
});

describe('hostile text', () => {
  const HOSTILE =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what someone typed
    '{{7*7}} {{heading}} ${7*7} <%= 7 %></p></td><script>alert(1)</script>" onload="x\' &amp; \u0000\u0007\u001b[31m\u0002unsubscribe_url\u0003';
  const mail = renderUpdateMail({
    ...PROGRESS,
    site: { ...site, name: HOSTILE },
    incident: {
      ...PROGRESS.incident,
      title: `${HOSTILE}\r\nBcc: x@y.example`,
      scope: HOSTILE,
      id: 'a/../"><b>',
    },
    update: {
      ...PROGRESS.update,
      body: `${HOSTILE}\n\n[x](javascript:alert(1)) ![y](https://evil.example/pixel.png) <img src=x onerror=alert(1)>`,
      affected: HOSTILE,
      workaround: HOSTILE,
      estimate: HOSTILE,
      scope: `${HOSTILE} here`,
    },
    components: [{ name: HOSTILE, status: 'major_outage' }],
    earlier: [{ status: 'identified', body: HOSTILE, postedAt: PROGRESS.update.postedAt }],
  });

  it('is only ever words', () => {
    expect(mail.html).not.toMatch(/<script|<img|href="javascript|<[^>]*\sonload="/i);
    expect(mail.html).toContain('{{7*7}} {{heading}}');
    expect(mail.html.match(/<h1/g)).toHaveLength(1);
    expect(words(mail)).not.toContain('49');
  });

  it('can make no slot, no header and no second line of a subject', () => {
    const usual = splitSlots(renderUpdateMail(PROGRESS).html).slots;
    expect(splitSlots(mail.html).slots).toEqual(usual);
    expect(splitSlots(mail.text).slots).toEqual(splitSlots(renderUpdateMail(PROGRESS).text).slots);
    const forged = { body: '\u0002when|2026-11-21T15:30:00.000Z|2026-11-21T15:30:00.000Z|UTC\u0003' };
    expect(splitSlots(renderUpdateMail(withUpdate(forged)).text).slots).toEqual(splitSlots(mail.text).slots);
    for (const value of [mail.subject, ...Object.values(mail.headers)]) expect(value).not.toMatch(/\p{Cc}/u);
    expect(mail.subject).toContain('Bcc: x@y.example (');
  });
});

describe('size', () => {
  const huge: [string, string][] = [
    ['words', 'It is broken and we know it. '.repeat(700)],
    ['ampersands', '&'.repeat(20_000)],
    ['angles', '<'.repeat(20_000)],
    ['ideographs', '港'.repeat(20_000)],
    ['emoji', '🚢'.repeat(10_000)],
    ['lines', 'a\n'.repeat(10_000)],
    ['list', '- a\n'.repeat(5_000)],
    ['links', 'https://a.example/b '.repeat(1_000)],
    ['stars', '**a** '.repeat(3_300)],
    ['nesting', '> '.repeat(10_000)],
  ];

  it.each(huge)('stays below what Gmail cuts: 20,000 characters of %s', (_, body) => {
    const { html } = personalise(
      renderUpdateMail(
        withUpdate(
          { body, affected: '&'.repeat(5_000), workaround: '港'.repeat(5_000), estimate: '<'.repeat(5_000) },
          {
            components: Array.from({ length: 200 }, () => ({
              name: '"'.repeat(300),
              status: 'major_outage',
            })),
            earlier: Array.from({ length: 50 }, () => ({
              status: 'identified',
              body,
              postedAt: PROGRESS.update.postedAt,
            })),
          },
        ),
      ),
      LINKS,
    );
    expect(Buffer.byteLength(html)).toBeLessThanOrEqual(MAX_HTML_BYTES);
    expect(html).toContain(LINKS.unsubscribe_url);
    expect(html).toContain('and 180 more');
    expect(html.isWellFormed()).toBe(true);
  });

  it('says so, and where the rest is, when a text was cut; and not otherwise', () => {
    const cut = renderUpdateMail(withUpdate({ body: '&'.repeat(20_000) }));
    expect(words(cut)).toContain('… Read the whole text.');
    expect(words(renderUpdateMail(PROGRESS))).not.toContain('the whole text');
  });

  it('shows three earlier updates at most, in few words', () => {
    const earlier = Array.from({ length: 9 }, (_, i) => ({
      status: 'investigating' as const,
      body: `Word ${i}. ${'We are looking into it. '.repeat(60)}`,
      postedAt: PROGRESS.update.postedAt,
    }));
    const { text } = renderUpdateMail({ ...PROGRESS, earlier });
    expect(text.match(/Word \d/g)).toEqual(['Word 0', 'Word 1', 'Word 2']);
    expect(text.length).toBeLessThan(3_500);
  });
});

describe('the mails about a subscription', () => {
  const mails: [string, Rendered, string[]][] = [
    ['confirm', renderConfirmMail({ site }), ['confirm_url']],
    ['already', renderAlreadySubscribedMail({ site }), ['manage_url', 'unsubscribe_url']],
    ['unsubscribed', renderUnsubscribedMail({ site }), ['unsubscribe_url']],
    ['manage', renderFreshLinkMail({ site }), ['manage_url', 'unsubscribe_url']],
    ['leave', renderLeaveMail({ site }), ['leave_url']],
  ];

  it.each(mails)('%s says why it came and links to what it asks', (_, mail, slots) => {
    expect(mail.subject).toContain('Harbour status');
    expect(new Set(splitSlots(mail.html).slots)).toEqual(new Set(slots));
    expect(new Set(splitSlots(mail.text).slots)).toEqual(new Set(slots));
    expect(mail.headers).toMatchObject({ 'Auto-Submitted': 'auto-generated' });
    expect(mail.headers).not.toHaveProperty('References');
  });
});

describe('personal links', () => {
  const mail = renderUpdateMail(PROGRESS);

  it('fill every slot, escaped in HTML and as they are in text', () => {
    const odd = { manage_url: "https://x.example/?a=1&b='2'", unsubscribe_url: LINKS.unsubscribe_url };
    const { html, text } = personalise(mail, odd);
    expect(html).toContain('href="https://x.example/?a=1&amp;b=&#39;2&#39;"');
    expect(text).toContain("\nhttps://x.example/?a=1&b='2'\n");
    expect(html + text).not.toMatch(/\p{Cc}(?<!\n)/u);
  });

  it('are refused when one is missing or is no web address', () => {
    expect(() => personalise(mail, { manage_url: LINKS.manage_url })).toThrow('unsubscribe_url');
    for (const url of ['javascript:alert(1)', 'https://x.example/\r\nBcc: y', 'https://x.example/ y', ''])
      expect(() => personalise(mail, { ...LINKS, manage_url: url })).toThrow('manage_url');
  });

  it('can be put between segments that were escaped once', () => {
    const { segments, slots } = splitSlots(mail.html);
    expect(segments).toHaveLength(slots.length + 1);
    const joined = segments.reduce(
      (all, segment, i) => all + slotValue(slots[i - 1]!, { links: LINKS, zone: null }) + segment,
    );
    expect(joined).toBe(personalise(mail, LINKS).html);
    expect(() => splitSlots('a \u0002other_url\u0003')).toThrow('broken slot');
    expect(() => splitSlots('a \u0002unsubscribe_url')).toThrow('broken slot');
  });
});
