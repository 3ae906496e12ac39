import { describe, expect, it } from 'vitest';
import type { Call } from '#domain/calls.ts';
import { type CallMail, renderCallMail } from '#emails/calls.ts';

const AT = '2026-11-21T03:00:00.000Z';
const mail = (call: Partial<Pick<Call, 'clock' | 'kind'>>, rest: Partial<CallMail> = {}): CallMail => ({
  site: { name: 'Harbour', url: 'https://status.example', timeZone: 'UTC' },
  call: { clock: 'public', kind: 'before', due: '2026-11-21T03:05:00.000Z', ...call },
  incident: {
    id: 'abc',
    title: 'Cards fail',
    severity: 'SEV1',
    declaredAt: AT,
    published: false,
    drill: false,
  },
  missing: ['comms lead'],
  waiting: null,
  called: ['Nina Holt', 'Ravi Holt'],
  away: [],
  said: null,
  now: AT,
  ...rest,
});
const text = (of: CallMail) => renderCallMail(of).text.replace(/\s+/g, ' ').trim();
const links = (html: string) =>
  [...html.matchAll(/href="(https:\/\/status\.example\/admin[^"]*)"/g)].map(([, to]) => to);

describe('a call to staff', () => {
  it('says in this order: what is awaited by when, of which incident, what visitors know, and where to go', () => {
    expect(text(mail({}))).toBe(
      'First public update due by 03:05 UTC SEV1: Cards fail Visitors have been told nothing yet. Open since 03:00 UTC. ' +
        'Post it, or say “I have it”: https://status.example/admin/incidents/abc/next ' +
        'Called now: Nina Holt, Ravi Holt. Say “I have it” there, and nobody else is called for a quarter of an hour.',
    );
  });

  it('of what is written and waits for an approver says who is waited for', () => {
    const waiting = { by: 'Kim', since: AT, for: ['Abel', 'Noor'] };
    expect(text(mail({ kind: 'late' }, { waiting }))).toContain(
      'Visitors have been told nothing yet. Kim wrote it at 03:00 UTC, and it waits for Abel or Noor. Open since 03:00 UTC. ' +
        'See what waits, or say “I have it”: https://status.example/admin/incidents/abc/next',
    );
    expect(text(mail({ kind: 'late' }, { waiting: { ...waiting, for: [] } }))).toContain(
      'it waits for an approver, and there is none.',
    );
    expect(text(mail({ clock: 'internal' }, { waiting }))).not.toContain('Kim wrote it');
  });

  it('of a drill says so before anything else', () => {
    const drill = mail({}, { incident: { ...mail({}).incident, drill: true } });
    const { subject, html } = renderCallMail(drill);
    expect(subject).toBe('DRILL: [SEV1] First public update due by 03:05 UTC: Cards fail');
    const banner = 'DRILL. This is a drill. Nothing is broken and nobody outside sees this.';
    expect(text(drill)).toMatch(new RegExp(`^${banner} First public update due`));
    expect(html.indexOf('This is a drill.')).toBeLessThan(html.indexOf('<h1'));
    expect(renderCallMail(mail({})).html).not.toContain('drill');
  });

  it('leads by one link to the screen that takes what it asks for, and offers “I have it” only where that is taken', () => {
    const calls = [
      ['public', '/next', true],
      ['internal', '/next?inside', true],
      ['roles', '#roles-title', false],
      ['pace', '#pace-title', false],
    ] as const;
    for (const [clock, path, canHave] of calls) {
      const { html, text } = renderCallMail(mail({ clock, kind: 'due' }));
      expect(links(html), clock).toEqual([`https://status.example/admin/incidents/abc${path}`]);
      expect(/I have it” there/.test(text.replace(/\s+/g, ' ')), clock).toBe(canHave);
    }
  });

  it('has nothing below its link when there is nothing to say there', () => {
    const { html, text } = renderCallMail(mail({ clock: 'roles', kind: 'ask' }, { called: ['Nina Holt'] }));
    expect(text.trim()).toMatch(/#roles-title$/);
    expect(html).not.toContain('Called now');
  });

  it('quotes what was said last, and says when a promise was broken', () => {
    const incident = { ...mail({}).incident, published: true };
    const said = { body: 'We are looking into it.', postedAt: AT };
    expect(text(mail({ kind: 'late' }, { incident, said }))).toMatch(
      /^Late: public update was due 03:05 UTC SEV1: Cards fail Visitors were promised it, and have heard nothing since\. .*Said last, 03:00 UTC We are looking into it\./,
    );
  });

  it('escapes what was typed', () => {
    const title = 'Cards <b>fail</b>\r\nBcc: all@example.com';
    const { html, subject } = renderCallMail(mail({}, { incident: { ...mail({}).incident, title } }));
    expect(html).not.toContain('<b>fail');
    expect(subject).not.toMatch(/[\r\n]/);
  });
});
