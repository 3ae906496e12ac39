import type { HookPayload } from '#domain/hooks.ts';
import { type CallMail, callWords } from '#emails/calls.ts';
import { type ChatNews, discordMessage, slackMessage, teamsMessage } from '#formats/chat.ts';
import { pagerTrigger } from '#formats/pager.ts';

/** What chat rooms and pagers are told of a call, as JSON: the words of its mail. A pager has it as one of the alert with this number. */
export function callPayload(mail: CallMail, alert = 1): string {
  const { site, incident, call, now } = mail;
  const { subject, title, words, together, deed, url, called } = callWords(mail);
  return JSON.stringify(
    placePayload(
      {
        site: site.name,
        heading: `[${incident.severity}] ${subject}`,
        tone: call.kind === 'late' ? 'bad' : 'watch',
        body: [title, words, together].filter(Boolean).join('\n\n'),
        facts: [],
        promise: null,
        components: [],
        link: { words: deed, url },
      },
      [
        pagerTrigger({
          site,
          incident,
          call,
          summary: `[${incident.severity}] ${subject}: ${title}`,
          words,
          called,
          link: { words: deed, url },
          alert,
          now,
        }),
      ],
    ),
  );
}

/** The same in every shape in which staff are told. Webhooks are for subscribers: there is none among their places. */
export function placePayload(news: ChatNews, pager: NonNullable<HookPayload['pager']>): HookPayload {
  return {
    webhook: [],
    slack: slackMessage(news),
    teams: teamsMessage(news),
    discord: discordMessage(news),
    pager,
  };
}
