import type { PreviewView } from '#components/admin/preview.ts';
import type { Ctx } from '#db/context.ts';
import { AppError } from '#domain/errors.ts';
import { STATUS_LABELS } from '#domain/status.ts';
import { clockTimeWithZone, whenText } from '#domain/time.ts';
import { previewOnScreen } from '#services/screenPreview.ts';
import type { Reach } from '#services/updateMail.ts';
import { type Fields, readUpdate, type Subject, type Update } from './_update.ts';

export type FullPreview = PreviewView & { html: string };

/**
 * What the form would post, as people would read it. It is planned and rendered by the code that posts, so a problem that a post
 * would meet shows here first; how many it reaches is known before a word is written.
 */
export async function previewOf(
  ctx: Ctx,
  subject: Subject,
  url: string,
  fields: Fields,
): Promise<FullPreview> {
  const nothing = {
    url,
    ...reachText(null, subject.zone, ctx.now()),
    audiences: '',
    subject: '',
    text: '',
    pageHtml: '',
    html: '',
  };
  const isBlank = !fields.body?.trim();
  const { data, problems } = readUpdate(subject, { ...fields, ...(isBlank && { body: '…' }) }, ctx.now());
  if (!data) return { ...nothing, problems: problems.map(({ message }) => message) };
  try {
    const preview = await previewOnScreen(ctx, {
      ...data,
      incidentId: subject.id,
      version: subject.version,
      reason: data.reason ?? 'preview',
      notify: true,
    });
    const audiences = audiencesText(preview.audiences);
    const reach = reachText(preview, subject.zone, ctx.now());
    if (data.audience === 'internal')
      return {
        ...nothing,
        audiences,
        problems: [
          `Colleagues read it here, in the timeline. ${audiences ? 'These audiences are mailed.' : 'Nobody is mailed.'}`,
        ],
      };
    if (isBlank) return { ...nothing, ...reach, audiences, problems: [] };
    return {
      url,
      html: preview.html,
      text: preview.text,
      ...reach,
      audiences,
      subject: preview.subject,
      pageHtml: onThePage(subject, data, preview.bodyHtml, preview.nextUpdateBy, ctx.now()),
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return {
      ...nothing,
      problems: error.problems.length ? error.problems.map((one) => one.message) : [error.message],
    };
  }
}

/** The update as the incident's public page shows it. */
export function onThePage(
  subject: Pick<Subject, 'title' | 'zone'>,
  update: Pick<Update, 'status' | 'scope' | 'affected' | 'workaround' | 'estimate'>,
  bodyHtml: string,
  nextUpdateBy: string | null,
  now: string,
): string {
  const { zone } = subject;
  const facts = [
    [update.scope, 'Where'],
    [update.affected, 'Who'],
    [update.workaround, 'What still works'],
    [update.estimate, 'Estimate'],
  ].flatMap(([text, label]) => (text ? [`<dt>${label}</dt><dd>${escapeHtml(text)}</dd>`] : []));
  return [
    `<h3>${escapeHtml(subject.title)}</h3>`,
    `<p class="soft">${STATUS_LABELS[update.status]} · ${clockTimeWithZone(now, zone)}</p>`,
    bodyHtml,
    facts.length ? `<dl>${facts.join('')}</dl>` : '',
    nextUpdateBy ? `<p><strong>Next update by ${whenText(nextUpdateBy, zone, now)}.</strong></p>` : '',
  ].join('');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

/** "Executives 3, Support 12". */
export function audiencesText(audiences: readonly { name: string; people: number }[]): string {
  return audiences.map(({ name, people }) => `${name} ${people.toLocaleString('en')}`).join(', ');
}

/** Who is mailed for it at once, and when the others hear of it; null: nobody is. */
export function reachText(
  reach: Reach | null,
  zone: string,
  now: string,
): Pick<PreviewView, 'told' | 'atOnce' | 'later'> {
  const { told, waiting, inDigest } = reach ?? { told: 0, waiting: [], inDigest: 0 };
  const later = [
    ...waiting.map(({ people, until }) => `${people.toLocaleString('en')} at ${whenText(until, zone, now)}`),
    ...(inDigest ? [`${inDigest.toLocaleString('en')} in the mail of the day`] : []),
  ];
  return {
    told,
    atOnce: waiting.reduce((rest, { people }) => rest - people, told),
    later: later.join(', '),
  };
}
