import type { Ctx } from '#db/context.ts';
import { hasHooks } from '#db/hooks.ts';
import type { Tx } from '#db/open.ts';
import { findPublicIncident, listPublicComponents } from '#db/publicPage.ts';
import { updateId } from '#db/updates.ts';
import type { HookPayload } from '#domain/hooks.ts';
import { markdownToText } from '#domain/markdown.ts';
import { COMPONENT_STATUS_LABELS, isOver } from '#domain/status.ts';
import {
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
 * What webhooks and chats are told of an update that has just been written, in the same transaction: rendered once, sent as it is
 * however often. Null when nobody would be told.
 */
export async function renderHookPayload(
  tx: Tx,
  ctx: Ctx,
  mail: UpdateMail,
  updateSeq: number,
): Promise<string | null> {
  if (!(await hasHooks(tx))) return null;
  const row = await findPublicIncident(tx, mail.incident.id);
  if (!row) return null;
  const [incident] = await assembleIncidents(tx, [row], await listPublicComponents(tx));
  const id = await updateId(tx, updateSeq);
  const update = incident?.updates.find((one) => one.id === id);
  if (!incident || !update) return null;
  return JSON.stringify(
    payloadOf(newsOf(mail), webhookCalls(await readSnapshot(tx, ctx, {}), incident, update)),
  );
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
    body: markdownToText(update.body),
    facts: [...(when ? [{ label: 'When', text: when }] : []), ...facts(mail)],
    promise: next && `${next.words} ${next.by}`,
    components: mail.components.map(({ name, status }) => ({
      name,
      status,
      words: COMPONENT_STATUS_LABELS[status],
    })),
    link: { words: followWords(update.status), url: incidentUrl(mail) },
  };
}
