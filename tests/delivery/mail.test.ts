import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import type { Notice } from '#db/notices.ts';
import { batchKey, splitBody } from '#delivery/freeze.ts';
import {
  addressLetter,
  bodiesOf,
  mailboxText,
  openLetter,
  parseMailbox,
  UnsendableMail,
} from '#delivery/mail.ts';
import { fileTransport } from '#delivery/transports/file.ts';
import { composeMessage } from '#delivery/transports/mime.ts';
import { resendTransport } from '#delivery/transports/resend.ts';
import { renderConfirmMail } from '#emails/render.ts';
import { MARK, rendered, SENDER, SITE } from './support.ts';

const NOW = '2026-11-20T14:00:00.500Z';
const sign = (purpose: string, value: string) =>
  `${purpose}${value}`.replace(/\W/g, '').padEnd(32, 'x').slice(0, 32);

function notice(changes: Partial<Notice> = {}): Notice {
  return {
    seq: 1,
    id: 'notice1',
    kind: 'update',
    incidentSeq: null,
    updateSeq: null,
    priority: 1,
    createdAt: NOW,
    payload: null,
    ...rendered('[Resolved] "Käse" \\ <b>', 300),
    translations: new Map(),
    ...changes,
  };
}

function mailOf(changes: Partial<Notice> = {}, address = 'ann@example.org') {
  const to = {
    deliverySeq: 42,
    recipientId: 'abcdefghijkl',
    address,
    channel: 'email' as const,
    secret: null,
    oldSecret: null,
  };
  return addressLetter(openLetter(notice(changes)), to, { siteUrl: SITE, sign });
}

describe('one mail to one person', () => {
  it('carries one-click unsubscribe when it recurs (RFC 8058), and none when it does not', () => {
    expect(mailOf().headers).toMatchObject({
      'List-Unsubscribe': `<${SITE}/unsubscribe/${sign('unsubscribe', 'abcdefghijkl')}abcdefghijkl>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      'List-ID': '<status.example.com>',
      'Auto-Submitted': 'auto-generated',
    });
    const confirm = mailOf({
      kind: 'confirm',
      ...renderConfirmMail({ site: { name: 'H', url: SITE, timeZone: 'UTC' } }),
      translations: new Map(),
    });
    expect(confirm.headers).not.toHaveProperty('List-Unsubscribe');
    expect(confirm.headers['X-Entity-Ref-ID']).toContain('d42.');
    expect(bodiesOf(confirm).text).toContain(`${SITE}/confirm/`);
  });

  it('writes its own headers as they are, so that a mail program can tell the list and the way out', async () => {
    const mail = mailOf({ headers: { 'List-ID': '"Harbour status" <status.example.com>' } });
    const message = await composeMessage(mail, SENDER, NOW);
    expect(message).toContain('\r\nList-ID: "Harbour status" <status.example.com>\r\n');
    expect(message).toMatch(/\r\nList-Unsubscribe:\s+<https:\/\/status\.example\.com\/unsubscribe\/\w+>\r\n/);
  });

  it.each([
    ['subject', { subject: 'Down\r\nBcc: everyone@example.org' }, undefined],
    ['subject', { subject: 'Down\nBcc: x' }, undefined],
    ['header', { headers: { 'X-A': 'a\r\nBcc: x' } }, undefined],
    ['header name', { headers: { 'X-A: b\r\nBcc': 'x' } }, undefined],
    ['address', {}, 'ann@example.org\r\nRCPT TO:<x@example.org>'],
    ['address', {}, 'ann@example.org\0'],
  ])('refuses a control character in its %s', (_, changes, address) => {
    expect(() => mailOf(changes as Partial<Notice>, address)).toThrow(UnsendableMail);
  });

  it('refuses a sender with a line break and quotes a name that needs it', () => {
    expect(() => parseMailbox('Status <s@example.com>\r\nBcc: x')).toThrow(UnsendableMail);
    expect(() => parseMailbox('nobody')).toThrow(UnsendableMail);
    expect(parseMailbox('"Acme, Inc." <s@example.com>')).toEqual({
      name: 'Acme, Inc.',
      address: 's@example.com',
    });
    expect(parseMailbox('s@example.com')).toEqual({ name: '', address: 's@example.com' });
    expect(mailboxText({ name: 'Acme, Inc.', address: 's@example.com' })).toBe(
      '"Acme, Inc." <s@example.com>',
    );
    expect(mailboxText({ name: 'Zürich status', address: 's@example.com' })).toBe(
      'Zürich status <s@example.com>',
    );
  });
});

describe('the bytes of a batch', () => {
  it('for Resend are those of JSON.stringify', async () => {
    const transport = resendTransport({
      apiKey: 'k',
      baseUrl: 'http://127.0.0.1:1',
      mark: 'our-mark',
      sender: { ...SENDER, replyTo: { name: 'Help, please', address: 'help@example.com' } },
    });
    const mail = mailOf();
    const bytes = await transport.build([mail, mail], NOW);
    const entry = {
      from: 'Harbour status <status@example.com>',
      to: ['ann@example.org'],
      subject: mail.letter.notice.subject,
      ...bodiesOf(mail),
      headers: mail.headers,
      reply_to: '"Help, please" <help@example.com>',
      tags: [
        { name: 'delivery_id', value: '42' },
        { name: 'installation', value: 'our-mark' },
      ],
    };
    expect(bytes.toString()).toBe(JSON.stringify([entry, entry]));
  });

  it('as MIME are the same when built again, and read back as what was meant', async () => {
    const transport = fileTransport({ folder: '/nowhere', sender: SENDER });
    const mail = mailOf();
    const bytes = await transport.build([mail], NOW);
    expect((await transport.build([mailOf()], NOW)).equals(bytes)).toBe(true);
    const [{ raw, path }] = JSON.parse(bytes.toString());
    expect(path).toBe('2026-11-20/42.eml');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that it is ASCII is the point
    expect(raw).toMatch(/^[\x00-\x7f]+$/);
    const parsed = await simpleParser(raw);
    expect(parsed.subject).toBe(mail.letter.notice.subject);
    expect(parsed.html).toBe(bodiesOf(mail).html);
    expect(parsed.text).toBe(bodiesOf(mail).text);
    expect(parsed.messageId).toBe(mail.messageId);
    expect(parsed.date?.toISOString()).toBe('2026-11-20T14:00:00.000Z');
    expect(parsed.from?.value).toEqual([SENDER.from]);
    expect(parsed.headers.get('references')).toBe('<incident-1@status.example.com>');
  });

  it('are cut in halves that are bodies themselves', () => {
    const [first, second] = splitBody(Buffer.from('[{"a":1},{"a":2},{"a":3}]'));
    expect([first.toString(), second.toString()]).toEqual(['[{"a":1},{"a":2}]', '[{"a":3}]']);
  });
});

describe('the idempotency key', () => {
  it('comes from installation, transport, generation and who is told what in order, and from nothing else', () => {
    const told = (...people: string[]) => people.map((recipientId) => ({ noticeId: 'notice1', recipientId }));
    const first = { mark: MARK, generation: 0 };
    const key = batchKey('resend', first, told('a', 'b', 'c'));
    expect(batchKey('resend', first, told('a', 'b', 'c'))).toBe(key);
    for (const other of [
      batchKey('resend', { ...first, generation: 1 }, told('a', 'b', 'c')),
      batchKey('resend', { ...first, mark: 'another' }, told('a', 'b', 'c')),
      batchKey('resend', first, told('a', 'b')),
      batchKey('resend', first, told('ab', 'c')),
      batchKey('resend', first, told('c', 'b', 'a')),
      batchKey(
        'resend',
        first,
        told('a', 'b', 'c').map((one) => ({ ...one, noticeId: 'notice2' })),
      ),
      batchKey('smtp', first, told('a', 'b', 'c')),
    ])
      expect(other).not.toBe(key);
    expect(key).toMatch(/^b2\/[0-9a-f]{64}$/);
  });
});
