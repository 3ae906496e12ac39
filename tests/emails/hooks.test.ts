import { describe, expect, it } from 'vitest';
import * as mails from '#emails/hooks.ts';
import { personalise } from '#emails/slots.ts';

const site = { name: 'Harbour <b>', url: 'https://status.example.com', timeZone: 'UTC' };
const place = {
  channel: 'webhook' as const,
  shown: 'https://receiver.example/hook?a=1&b="><script>x</script>',
};
const links = {
  unsubscribe_url: 'https://status.example.com/unsubscribe/u',
  manage_url: 'https://status.example.com/subscription/m',
  confirm_url: 'https://status.example.com/confirm/c',
  hook_url: 'https://status.example.com/webhook/TOKEN',
};

const ALL = {
  confirm: mails.renderHookConfirmMail({ site, place }),
  link: mails.renderHookLinkMail({ site, place }),
  ended: mails.renderHookEndedMail({ site, place }),
  quarantined: mails.renderHookQuarantinedMail({
    site,
    place,
    since: '2026-11-20T14:00:00.000Z',
    reason: 'It answered 500\r\nBcc: <b>all@example.com</b>.',
  }),
};

describe.each(Object.entries(ALL))('the mail about a webhook: %s', (_, rendered) => {
  const { html, text } = personalise(rendered, links);

  it('says what is called, and leads to its owner’s page by one link of their own', () => {
    expect(text).toContain('https://receiver.example/hook?a=1&b="><script>x</script>');
    expect(text.split('/webhook/TOKEN')).toHaveLength(2);
    expect(html).toContain('href="https://status.example.com/webhook/TOKEN"');
    for (const other of ['/unsubscribe/u', '/subscription/m', '/confirm/c'])
      expect(html + text).not.toContain(other);
  });

  it('is no way to write markup or headers', () => {
    expect(html).not.toMatch(/<script|<b>all|Harbour <b>/);
    for (const line of [rendered.subject, ...Object.values(rendered.headers)])
      expect(line).not.toMatch(/[\r\n]/);
  });
});

it('the one about a rest says since when, and what came of the last call', () => {
  const { text } = ALL.quarantined;
  expect(text).toContain('20 Nov 2026, 14:00 UTC');
  expect(text.replace(/\s+/g, ' ')).toContain('The last call: It answered 500 Bcc:');
});
