import type { Ctx } from '#db/context.ts';
import { isSeverity, SEVERITIES, type Severity } from '#domain/severity.ts';
import { INCIDENT_STATUSES, type IncidentStatus, isOver } from '#domain/status.ts';
import { multiLine, singleLine } from '#domain/text.ts';
import { addMs, type Instant, MINUTE, parseInstant } from '#domain/time.ts';
import { declareAndPublish, getIncident, type Posted, postUpdate } from '#services/incidents.ts';
import { contextOf } from './author.ts';
import { type Command, type Io, readArguments, required, UsageError, WAITS } from './command.ts';
import { readComponents, STATUS_WORDS } from './components.ts';
import { withInstallation } from './installation.ts';
import { counted } from './progress.ts';

const OPTIONS = {
  severity: { type: 'string' },
  status: { type: 'string' },
  body: { type: 'string' },
  component: { type: 'string', multiple: true },
  scope: { type: 'string' },
  affected: { type: 'string' },
  workaround: { type: 'string' },
  estimate: { type: 'string' },
  'next-update': { type: 'string' },
  'no-notify': { type: 'boolean' },
  reason: { type: 'string' },
  by: { type: 'string' },
  'without-approval': { type: 'string' },
} as const;

const WHO_HELP = `
  --by EMAIL             whose words they are: someone who can sign in. An update that needs an approver waits in their name
  --without-approval R   posts at once, for the reason R, what would wait for an approver: when none of them answers. The
                         reason is on record, and every approver is mailed`;

const CODES_HELP = `

Ends with 0 when it is posted, with 3 when it waits for an approver, with 1 or 2 when nothing was done.`;

const SHARED_HELP = `
  --component C=STATUS   how a component is now; as often as needed. C is its id or its name, STATUS one of
                         ${STATUS_WORDS}
  --scope TEXT           where it is felt, such as "EU only"
  --affected TEXT        who, and how many
  --workaround TEXT      what still works
  --estimate TEXT        when it may be over
  --next-update WHEN     when the next update comes: 30m, or an instant such as 2026-11-21T15:30Z; what the severity asks for
                         when left out. "none" is for a severity that asks for none (SEV4), and refused for every other
  --no-notify            tell nobody; the page changes all the same${WHO_HELP}`;

export const incidentOpen: Command = {
  help: `
  foghorn incident open --title T --severity S --body TEXT [options]

Declares the incident and publishes its first update, both or neither. Where that update needs an approver, the incident is
declared and the update waits. Its id is printed, alone, on standard output.

  --title T              one line: what fails, for whom
  --severity S           ${SEVERITIES.join(', ')}
  --body TEXT            what is said; - reads standard input. Markdown
  --status S             investigating (as when left out), identified, monitoring${SHARED_HELP}${CODES_HELP}

  foghorn incident open --title "Checkout fails for some customers" --severity SEV1 \\
    --body "Some customers see an error when they pay. We are looking into it." --component Checkout=partial`,
  async run(args, io) {
    const { values } = readArguments(args, { title: { type: 'string' }, ...OPTIONS });
    const title = checked(
      singleLine(140, '--title'),
      required(values.title, '--title', 'Say in one line what fails, and for whom.'),
    );
    const severity = readSeverity(
      required(values.severity, '--severity', `Choose one of ${SEVERITIES.join(', ')}.`),
    );
    const status = values.status === undefined ? 'investigating' : readStatus(values.status);
    if (isOver(status))
      throw new UsageError(
        'An incident cannot open as over.',
        'Give --status investigating, identified or monitoring.',
      );
    const said = words(values);
    const body = await readBody(values.body, io);
    return withInstallation({ create: false }, async (foghorn) => {
      const ctx = await contextOf(foghorn, values.by);
      const components = await readComponents(ctx, values.component ?? []);
      const { id, ...posted } = await declareAndPublish(ctx, {
        title,
        severity,
        status,
        body,
        ...said,
        nextUpdateBy: readNextUpdate(values['next-update'], ctx.now()),
        components,
        notify: !values['no-notify'],
      });
      io.out(id);
      return say(io, ctx, posted, {
        id,
        done: `Published at ${ctx.site.url}/incidents/${id}.`,
        waits: 'Declared. Its first update',
        quiet: values['no-notify'],
      });
    });
  },
};

export const incidentUpdate: Command = {
  help: `
  foghorn incident update <id> --body TEXT [options]

  --body TEXT            what is said; - reads standard input. Markdown
  --status S             ${INCIDENT_STATUSES.slice(0, 4).join(', ')}; as it is when left out
  --severity S           ${SEVERITIES.join(', ')}; as it is when left out${SHARED_HELP}${CODES_HELP}

  foghorn incident update k3v9q0x2m7ab --status identified --body - < update.md`,
  async run(args, io) {
    const { values, positionals } = readArguments(args, OPTIONS, ['id of the incident']);
    const status = values.status === undefined ? null : readStatus(values.status);
    return post(positionals[0] as string, status, values, io);
  },
};

export const incidentResolve: Command = {
  help: `
  foghorn incident resolve <id> --body TEXT [options]

Says that it is over. Its components are well again, but for what --component says and what other incidents hold.

  --body TEXT            what is said; - reads standard input. Markdown
  --reason TEXT          why it is over before it was watched for as long as its severity asks
  --no-notify            tell nobody; the page changes all the same${WHO_HELP}${CODES_HELP}

  foghorn incident resolve k3v9q0x2m7ab --body "All payments work again."`,
  async run(args, io) {
    const { values, positionals } = readArguments(
      args,
      {
        body: OPTIONS.body,
        component: OPTIONS.component,
        reason: OPTIONS.reason,
        'no-notify': OPTIONS['no-notify'],
        by: OPTIONS.by,
        'without-approval': OPTIONS['without-approval'],
      },
      ['id of the incident'],
    );
    return post(positionals[0] as string, 'resolved', values, io);
  },
};

type Given = Partial<{
  severity: string;
  body: string;
  component: string[];
  scope: string;
  affected: string;
  workaround: string;
  estimate: string;
  'next-update': string;
  'no-notify': boolean;
  reason: string;
  by: string;
  'without-approval': string;
}>;

async function post(
  id: string,
  status: IncidentStatus | null,
  values: Given,
  io: Io,
): Promise<number | undefined> {
  const severity = values.severity === undefined ? undefined : readSeverity(values.severity);
  const said = words(values);
  const body = await readBody(values.body, io);
  return withInstallation({ create: false }, async (foghorn) => {
    const ctx = await contextOf(foghorn, values.by);
    const incident = await getIncident(ctx, id);
    const changes = await readComponents(ctx, values.component ?? []);
    const posted = await postUpdate(ctx, {
      incidentId: id,
      version: incident.version,
      audience: 'public',
      status: status ?? incident.status,
      body,
      severity,
      ...said,
      nextUpdateBy: readNextUpdate(values['next-update'], ctx.now()),
      components: changes,
      notify: !values['no-notify'],
    });
    return say(io, ctx, posted, {
      id,
      done: `Posted to ${ctx.site.url}/incidents/${id}.`,
      waits: 'Nothing is posted yet. The update',
      quiet: values['no-notify'],
    });
  });
}

/** What is left out stays as it was said before. */
function words(given: Given) {
  const read = (name: 'scope' | 'affected' | 'workaround' | 'estimate' | 'reason', max: number) =>
    given[name] === undefined ? undefined : checked(singleLine(max, `--${name}`), given[name]);
  return {
    scope: read('scope', 120),
    affected: read('affected', 300),
    workaround: read('workaround', 1000),
    estimate: read('estimate', 200),
    reason: read('reason', 280),
    withoutApproval: withoutApproval(given['without-approval']),
  };
}

function withoutApproval(reason: string | undefined): string | undefined {
  if (reason === undefined) return undefined;
  const given = required(reason, '--without-approval', 'Say why it cannot wait for an approver.');
  return checked(singleLine(280, '--without-approval'), given);
}

async function readBody(given: string | undefined, io: Io): Promise<string> {
  const body = required(
    given,
    '--body',
    'Say what is known, or give --body - and the text on standard input.',
  );
  return checked(multiLine(5000, '--body'), body === '-' ? await io.readAll() : body);
}

function checked(schema: ReturnType<typeof singleLine>, text: string): string {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  throw new UsageError(result.error.issues[0]?.message ?? 'This cannot be used.', '');
}

function readSeverity(text: string): Severity {
  const severity = text.toUpperCase();
  if (isSeverity(severity)) return severity;
  throw new UsageError(`There is no severity "${text}".`, `Choose one of ${SEVERITIES.join(', ')}.`);
}

function readStatus(text: string): IncidentStatus {
  const statuses = INCIDENT_STATUSES.filter((status) => status !== 'postmortem');
  const status = statuses.find((known) => known === text.toLowerCase());
  if (status) return status;
  throw new UsageError(`There is no status "${text}".`, `Choose one of ${statuses.join(', ')}.`);
}

/** Undefined leaves it to the policy; null promises nothing. */
function readNextUpdate(text: string | undefined, now: Instant): Instant | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  const minutes = /^(\d{1,4})m$/.exec(text)?.[1];
  const instant = minutes ? addMs(now, Number(minutes) * MINUTE) : parseInstant(text);
  if (instant && instant > now) return instant;
  throw new UsageError(
    `"${text}" is no time${instant ? ' that is still to come' : ''}.`,
    'Write --next-update 30m or --next-update 2026-11-21T15:30Z.',
  );
}

/** @returns the exit code */
function say(
  io: Io,
  { site }: Ctx,
  { updateId, told, waitsFor }: Posted,
  words: { id: string; done: string; waits: string; quiet: boolean | undefined },
): number | undefined {
  if (!waitsFor) {
    io.say(sayTold(words.done, told, words.quiet));
    return undefined;
  }
  const names = new Intl.ListFormat('en', { type: 'disjunction' }).format(waitsFor);
  const there = `${site.url}/admin/approvals/${updateId}`;
  io.say(
    waitsFor.length
      ? `${words.waits} waits for ${names}, who ${waitsFor.length > 1 ? 'are' : 'is'} mailed. It is approved at ${there}`
      : `${words.waits} waits, and nobody else can approve it: publish it yourself, with the reason, at ${there}`,
  );
  io.say(
    `When nobody answers and it cannot wait: foghorn incident update ${words.id} --body TEXT --without-approval "WHY"`,
  );
  return WAITS;
}

function sayTold(done: string, told: number, quiet: boolean | undefined): string {
  return quiet
    ? `${done} Nobody is told.`
    : `${done} Queued for ${counted(told, 'person').replace('persons', 'people')}.`;
}
