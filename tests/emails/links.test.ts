import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  linkToken,
  personalHeaders,
  readConfirmToken,
  readLinkToken,
  readManageToken,
  recipientLinks,
} from '#emails/links.ts';

const signWith = (key: string) => (purpose: string, value: string) =>
  createHmac('sha256', key).update(`${purpose}\n${value}`).digest('base64url').slice(0, 32);
const sign = signWith('one');
const AT = '2026-11-20T15:06:07.891Z';
const links = recipientLinks('https://status.example.com', sign, 'abcdefghijkl', AT);
const token = (name: keyof typeof links) => links[name].split('/').at(-1) as string;

describe('personal links', () => {
  it('are the same each time they are made', () => {
    expect(recipientLinks('https://status.example.com', sign, 'abcdefghijkl', AT)).toEqual(links);
  });

  it('are short, safe in a path, and end in a letter or digit, so that mail programs take all of them', () => {
    for (const link of Object.values(links)) {
      expect(link).toMatch(/^https:\/\/status\.example\.com\/[a-z]+\/[A-Za-z0-9_-]+[a-z0-9]$/);
      expect(link.length).toBeLessThan(100);
    }
  });

  it('name their person to whoever signed them, for their purpose alone', () => {
    expect(readLinkToken(sign, 'unsubscribe', token('unsubscribe_url'))).toBe('abcdefghijkl');
    for (const name of ['manage_url', 'confirm_url', 'leave_url', 'hook_url'] as const)
      expect(readLinkToken(sign, 'unsubscribe', token(name)), name).toBeNull();
    for (const purpose of ['manage', 'confirm', 'leave', 'hook'] as const)
      for (const name of Object.keys(links) as (keyof typeof links)[])
        expect(readConfirmToken(sign, token(name), purpose)?.recipientId, `${purpose} ${name}`).toBe(
          name === `${purpose}_url` ? 'abcdefghijkl' : undefined,
        );
    expect(readManageToken(signWith('two'), token('manage_url'))).toBeNull();
  });

  it('to change what one gets say when they were mailed; those from before there was a date say so', () => {
    expect(readManageToken(sign, token('manage_url'))).toEqual({
      recipientId: 'abcdefghijkl',
      issuedAt: '2026-11-20T15:06:07.000Z',
    });
    expect(readManageToken(sign, linkToken(sign, 'manage', 'abcdefghijkl'))).toEqual({
      recipientId: 'abcdefghijkl',
      issuedAt: null,
    });
    for (const name of ['unsubscribe_url', 'confirm_url', 'leave_url', 'hook_url'] as const)
      expect(readManageToken(sign, token(name)), name).toBeNull();
  });

  it('refuse another person’s id under the same signature, and anything cut or longer', () => {
    const mine = token('unsubscribe_url');
    expect(readLinkToken(sign, 'unsubscribe', `${mine.slice(0, 32)}abcdefghijkm`)).toBeNull();
    expect(readLinkToken(sign, 'unsubscribe', mine.slice(0, -1))).toBeNull();
    expect(readLinkToken(sign, 'unsubscribe', `${mine}x`)).toBeNull();
    expect(readLinkToken(sign, 'unsubscribe', '')).toBeNull();
  });

  it('confirm for seven days from when they were issued, which cannot be moved', () => {
    const read = readConfirmToken(sign, token('confirm_url'));
    expect(read).toEqual({
      recipientId: 'abcdefghijkl',
      issuedAt: '2026-11-20T15:06:07.000Z',
      expiresAt: '2026-11-27T15:06:07.000Z',
    });
    const later = recipientLinks('https://x.example', sign, 'abcdefghijkl', '2027-01-01T00:00:00.000Z');
    const forged =
      token('confirm_url').slice(0, 32) + (later.confirm_url.split('/').at(-1) as string).slice(32);
    expect(readConfirmToken(sign, forged)).toBeNull();
  });

  it('go into the headers as RFC 8058 asks', () => {
    expect(personalHeaders(links)).toEqual({
      'List-Unsubscribe': `<${links.unsubscribe_url}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    });
  });
});
