import type { HookPayload } from '#domain/hooks.ts';
import { markdownToText } from '#domain/markdown.ts';
import { COMPONENT_STATUS_LABELS, isOver, STATUS_LABELS } from '#domain/status.ts';
import { rangeText, whenText } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import { labelOfStatus, type StakeholderMail } from '#emails/stakeholders.ts';
import { type ChatNews, discordMessage, slackMessage, teamsMessage } from '#formats/chat.ts';

/** What the chats of an audience are told: the words of its mail. Webhooks are for subscribers; an audience has none. */
export function chatOf(mail: StakeholderMail): string {
  const news = newsOf(mail);
  const payload: HookPayload = {
    webhook: [],
    slack: slackMessage(news),
    teams: teamsMessage(news),
    discord: discordMessage(news),
  };
  return JSON.stringify(payload);
}

function newsOf(mail: StakeholderMail): ChatNews {
  const { site, incident, news, promises, now } = mail;
  const marks = [incident.severity, mail.mark ?? labelOfStatus(incident)].filter(Boolean).join(', ');
  const open = incident.window ? 'planned' : incident.status === 'monitoring' ? 'watch' : 'bad';
  const tone = isOver(incident.status) ? 'over' : open;
  const id = encodeURIComponent(incident.id);
  const when = (at: string) => whenText(at, site.timeZone, now);
  return {
    site: site.name,
    heading: `${marks}: ${titleWithScope(incident.title, incident.scope)}`,
    tone,
    body: [mail.intro, mail.lead, news && markdownToText(news.body)].filter(Boolean).join('\n\n'),
    facts: [
      {
        label: 'When',
        text: incident.window
          ? rangeText(incident.window.from, incident.window.until, site.timeZone)
          : `Since ${when(incident.startedAt)}`,
      },
      ...mail.facts,
    ],
    promise: promises.length ? promises.map(({ words, by }) => `${words} ${when(by)}`).join('. ') : null,
    components: mail.components.map(({ name, status }) => ({
      name,
      status,
      words: COMPONENT_STATUS_LABELS[status],
    })),
    missed: {
      title: 'So far',
      items: mail.earlier
        .filter(({ whole }) => whole)
        .map((one) => ({
          label: `${STATUS_LABELS[one.status]}, ${one.inside ? 'inside, ' : ''}${when(one.postedAt)}`,
          text: markdownToText(one.body),
        })),
    },
    link:
      incident.severity === null || incident.published
        ? {
            words: 'Follow it on the status page',
            url: `${site.url}/${incident.window ? 'maintenance' : 'incidents'}/${id}`,
          }
        : { words: 'Open the incident', url: `${site.url}/admin/incidents/${id}` },
  };
}
