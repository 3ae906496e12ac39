import type { Ctx } from '#db/context.ts';
import { hasHooks } from '#db/hooks.ts';
import type { Tx } from '#db/open.ts';
import { findPublicIncident, listPublicComponents } from '#db/publicPage.ts';
import type { HookPayload } from '#domain/hooks.ts';
import { markdownToText } from '#domain/markdown.ts';
import { COMPONENT_STATUS_LABELS, isOver, STATUS_LABELS } from '#domain/status.ts';
import { whenText } from '#domain/time.ts';
import { ENGLISH } from '#emails/languages.ts';
import {
  correctionWords,
  facts,
  followWords,
  headingOf,
  incidentUrl,
  promise,
  statusWords,
  type UpdateMail,
  whenLine,
} from '#emails/update.ts';
import { type ChatNews, discordMessage, slackMessage, teamsMessage } from '#formats/chat.ts';
import { webhookCalls } from '#formats/webhook.ts';
import { readSnapshot } from './publicApi.ts';
import { assembleIncidents } from './publicIncidents.ts';

/**
 * Writes what webhooks and chats are told of a public update, `said`: what its mail says, in their shapes. Null when nobody would be told.
 * `missed`: the updates that these receivers were not told before it.
 */
export type WriteHook = (
  mail: UpdateMail,
  said: { id: string; missed?: readonly { id: string }[] },
) => string | null;

/**
 * Reads an incident as it has just been written, in the same transaction, so that all that is told of it is rendered once and sent as it is
 * however often.
 */
export async function hookWriter(tx: Tx, ctx: Ctx, incidentId: string): Promise<WriteHook> {
  const row = (await hasHooks(tx)) ? await findPublicIncident(tx, incidentId) : undefined;
  if (!row) return () => null;
  const [incident] = await assembleIncidents(tx, [row], await listPublicComponents(tx));
  const snapshot = await readSnapshot(tx, ctx, {});
  return (mail, { id, missed = [] }) => {
    const update = incident?.updates.find((one) => one.id === id);
    if (!incident || !update) return null;
    const calls = webhookCalls(snapshot, incident, update, {
      missed: incident.updates.filter((one) => missed.some((other) => other.id === one.id)),
      corrected: mendedWords(mail),
      // What it did to components they were told, and that was right.
      only: mail.correction ? 'incident' : null,
    });
    return JSON.stringify(payloadOf(newsOf(mail), calls));
  };
}

/** The mail's own mark, and what was wrong, for receivers that get the text alone; null of what is no correction. */
function mendedWords(mail: UpdateMail): string | null {
  const words = correctionWords(mail);
  if (words) return `${statusWords(mail)}: ${words}`;
  return mail.update.kind === 'correction' ? `${statusWords(mail)}.` : null;
}

/** The same news in every channel's shape. */
export function payloadOf(news: ChatNews, webhook: HookPayload['webhook']): HookPayload {
  return { webhook, slack: slackMessage(news), teams: teamsMessage(news), discord: discordMessage(news) };
}

function newsOf(mail: UpdateMail): ChatNews {
  const { site, incident, update } = mail;
  const when = whenLine(mail);
  const next = promise(mail);
  const worst = isOver(update.status) ? 'over' : update.status === 'monitoring' ? 'watch' : 'bad';
  return {
    site: site.name,
    heading: `${statusWords(mail)}: ${headingOf(mail)}`,
    tone: incident.kind === 'maintenance' && worst !== 'over' ? 'planned' : worst,
    body: [correctionWords(mail), markdownToText(update.body)].filter(Boolean).join('\n\n'),
    facts: [...(when ? [{ label: 'When', text: when }] : []), ...facts(mail)],
    promise: next && `${next.words} ${next.by}`,
    components: mail.components.map(({ name, status }) => ({
      name,
      status,
      words: COMPONENT_STATUS_LABELS[status],
    })),
    missed: {
      title: ENGLISH.mails.missed,
      items: (mail.missed ?? []).map((one) => ({
        label: `${STATUS_LABELS[one.status]}, ${whenText(one.postedAt, site.timeZone, update.postedAt)}`,
        text: markdownToText(one.body),
      })),
    },
    link: { words: followWords(update.status), url: incidentUrl(mail) },
  };
}
