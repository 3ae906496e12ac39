import { describe, expect, it } from 'vitest';
import { renderStaffMail, type StaffMail } from '#emails/staff.ts';

const mail = (rest: Partial<StaffMail> = {}): StaffMail => ({
  site: { name: 'Harbour', url: 'https://status.example', timeZone: 'UTC' },
  about: 'abc',
  subject: '[SEV1] Approve an update: Cards fail',
  lines: ['Kim wrote it at 03:00 UTC.', 'Visitors are owed it by 03:05 UTC.'],
  deed: { words: 'Read it', url: 'https://status.example/admin/approvals/xyz' },
  ...rest,
});

describe('word to the staff', () => {
  it('says what is so, then where to act, then what it is about', () => {
    const { text, html, subject } = renderStaffMail(
      mail({ quoted: { heading: 'What it says', body: 'Cards **fail**.' }, after: 'Asked now: Abel, Noor.' }),
    );
    expect(text.replace(/\s+/g, ' ').trim()).toBe(
      '[SEV1] Approve an update: Cards fail Kim wrote it at 03:00 UTC. Visitors are owed it by 03:05 UTC. ' +
        'Read it: https://status.example/admin/approvals/xyz What it says Cards fail. Asked now: Abel, Noor.',
    );
    expect(subject).toBe('[SEV1] Approve an update: Cards fail');
    expect(html).toContain('<strong>fail</strong>');
  });

  it('has nothing below its link when there is nothing to say there', () => {
    expect(renderStaffMail(mail()).text.trim()).toMatch(/approvals\/xyz$/);
  });

  it('escapes what was typed, wherever it stands', () => {
    const nasty = '<b>x</b>\r\nBcc: all@example.com';
    const { html, subject, text } = renderStaffMail(
      mail({ subject: nasty, lines: [nasty], after: nasty, quoted: { heading: 'Why', body: nasty } }),
    );
    expect(html).not.toContain('<b>x');
    expect(subject).not.toMatch(/[\r\n]/);
    expect(text).not.toMatch(/^Bcc:/m);
  });
});
