import type { BusinessHours } from '#domain/cadence.ts';
import {
  CLOSING_STEP,
  fitsText,
  type Runbook,
  reviewDueText,
  reviewedText,
  reviewOf,
} from '#domain/runbooks.ts';
import {
  type CadencePolicy,
  DUTY_ROLE_LABELS,
  type Policies,
  SEVERITIES,
  type Severity,
} from '#domain/severity.ts';
import { STATUS_LABELS } from '#domain/status.ts';
import {
  TEMPLATE_KIND_LABELS,
  TEMPLATE_KINDS,
  TEMPLATE_VARIANT_LABELS,
  type Template,
} from '#domain/templates.ts';
import { dateTimeText, durationText, type Instant, MINUTE } from '#domain/time.ts';
import { csvText } from './csv.ts';

/** A file and where it lies below the folder. A path is made of our own words and of a-z, 0-9, `-`, whatever anyone typed. */
export type ExportFile = { path: string; text: string };

type Mailbox = { name: string; email: string };
type Member = { name: string | null; channel: string; address: string };

export type PrivateExport = {
  page: { name: string; url: string; zone: string };
  now: Instant;
  runbooks: readonly Runbook[];
  templates: readonly Template[];
  policies: Policies;
  hours: Omit<BusinessHours, 'zone'>;
  staff: readonly (Mailbox & { role: string; approver: boolean; onDuty: readonly string[] })[];
  /** Those that run or are still to come; the people are the comms lead, the second and the manager. */
  shifts: readonly { startsAt: Instant; endsAt: Instant; people: readonly (Mailbox | null)[] }[];
  /** Where staff are called beside mail; of each no more than who looks after it. */
  places: readonly {
    name: string;
    what: string;
    severities: readonly Severity[];
    calls: string;
    owner: string;
  }[];
  audiences: readonly { name: string; kind: string; told: readonly Severity[]; members: readonly Member[] }[];
  accounts: readonly {
    name: string;
    /** null: nobody tells them. */
    contact: Mailbox | null;
    components: readonly string[];
    members: readonly Member[];
  }[];
};

/** Markdown that reads well as plain text, and CSV for contacts. README.md says what is where. */
export function privateExportFiles(data: PrivateExport): ExportFile[] {
  const runbooks = data.runbooks.map((runbook, index) => ({
    runbook,
    path: `runbooks/${safeName(index + 1, runbook.title, 'runbook')}.md`,
  }));
  return [
    { path: 'README.md', text: readme(data, runbooks) },
    ...runbooks.map(({ runbook, path }) => ({ path, text: runbookText(runbook, data) })),
    { path: 'templates.md', text: templatesText(data.templates) },
    { path: 'policies.md', text: policiesText(data) },
    { path: 'contacts/staff.csv', text: staffCsv(data) },
    { path: 'contacts/duty.csv', text: dutyCsv(data) },
    { path: 'contacts/paging.csv', text: pagingCsv(data) },
    { path: 'contacts/audiences.csv', text: audiencesCsv(data) },
    { path: 'contacts/accounts.csv', text: accountsCsv(data) },
  ];
}

/** "01-social-media-watch": numbered, so that no two are the same and none is a name that a system keeps for itself. */
export function safeName(number: number, title: string, otherwise: string): string {
  const words = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replace(/^-+|-+$/g, '');
  return `${String(number).padStart(2, '0')}-${words || otherwise}`;
}

/** What was typed as it reads, and never as markup: no tag, no link, no code. */
function typed(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\<[`|]/g, '\\$&');
}

function lines(...parts: readonly (string | readonly string[])[]): string {
  return `${parts.flat().join('\n').trimEnd()}\n`;
}

function readme(
  { page, now }: PrivateExport,
  runbooks: readonly { runbook: Runbook; path: string }[],
): string {
  return lines(
    `# ${typed(page.name)}: for the day when everything is down`,
    '',
    `Written ${dateTimeText(now, page.zone)}. It does not renew itself: have a machine write it every night,`,
    'and keep it where it can be read when nothing of ours can, by those on duty alone.',
    'It holds names and addresses.',
    '',
    '## What to do first',
    '',
    '1. contacts/duty.csv says who is on duty. Call them.',
    '2. policies.md says how soon and how often a word is due. Start a clock.',
    '3. runbooks/ says what to do beside writing updates.',
    '4. templates.md has wording to copy. Say it wherever people can read it while the page is down.',
    '5. contacts/audiences.csv and contacts/accounts.csv say whom to tell.',
    `6. Once ${page.url} is back, put what was said there.`,
    '',
    '## What is here',
    '',
    ...(runbooks.length
      ? runbooks.map(
          ({ runbook, path }) => `- ${path}: ${typed(runbook.title)} (${typed(fitsText(runbook))})`,
        )
      : ['- runbooks/: there is none yet']),
    '- templates.md: saved wording, by kind',
    '- policies.md: what each severity asks for',
    '- contacts/staff.csv: everyone who can sign in',
    '- contacts/duty.csv: who is and will be on duty',
    '- contacts/paging.csv: chat rooms and pagers where staff are called, and who looks after each',
    '- contacts/audiences.csv: audiences and their people',
    '- contacts/accounts.csv: customers, who tells them, and their people',
  );
}

function runbookText(runbook: Runbook, { page, now }: PrivateExport): string {
  const { title, steps, owner } = runbook;
  const review = reviewOf(runbook, now, page.zone);
  return lines(
    `# ${typed(title)}`,
    '',
    `- For: ${typed(fitsText(runbook))}`,
    `- Kept by: ${owner ? typed(owner.name) : 'nobody'}`,
    `- ${typed(reviewedText(runbook, page.zone))}; ${reviewDueText(review, page.zone)}`,
    '',
    '## Steps',
    '',
    ...steps.map(({ text, link }) => `- [ ] ${typed(text)}${link ? ` <${link}>` : ''}`),
    `- [ ] ${CLOSING_STEP}`,
  );
}

function templatesText(templates: readonly Template[]): string {
  return lines(
    '# Templates',
    '',
    'Wording to start from. Put words in the place of each {{variable}}.',
    ...TEMPLATE_KINDS.flatMap((kind) => {
      const own = templates.filter((template) => template.kind === kind);
      return own.length ? ['', `## ${TEMPLATE_KIND_LABELS[kind]}`, ...own.flatMap(templateLines)] : [];
    }),
  );
}

function templateLines({ name, variant, status, title, body }: Template): string[] {
  const fence = '~'.repeat(Math.max(3, ...[...body.matchAll(/~+/g)].map(([run]) => run.length + 1)));
  return [
    '',
    `### ${typed(name)}`,
    '',
    `${TEMPLATE_VARIANT_LABELS[variant]}${status ? `, sets ${STATUS_LABELS[status]}` : ''}`,
    ...(title ? [`Title: ${typed(title)}`] : []),
    '',
    `${fence}text`,
    ...body.split('\n'),
    fence,
  ];
}

function policiesText({ policies, hours, page }: PrivateExport): string {
  return lines(
    '# Policies',
    '',
    'What each severity asks for. Times are counted from when the incident was declared, or from the last update.',
    ...SEVERITIES.flatMap((severity) => [
      '',
      `## ${severity} ${typed(policies[severity].name)}`,
      '',
      ...policyLines(policies[severity]),
    ]),
    '',
    '## Business hours',
    '',
    `- ${hours.opens} to ${hours.closes}${hours.closes < hours.opens ? ' on the day after' : ''}, ${page.zone}`,
    `- ${hours.closes < hours.opens ? 'They begin on' : 'On'} ${hours.weekdays.map((day) => DAYS[day - 1]).join(', ')}`,
    ...(hours.holidays.length ? [`- Not on ${hours.holidays.join(', ')}`] : []),
  );
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

function policyLines(policy: CadencePolicy): string[] {
  const within = (minutes: number | null) => (minutes === null ? 'none' : durationText(minutes * MINUTE));
  const { respondWithin, firstPublicUpdate, publicUpdateEvery, internalUpdateEvery, lateTell } = policy;
  return [
    `- Means: ${typed(policy.meaning)}`,
    `- Respond within: ${respondWithin === 'next_business_day' ? 'the next business day' : within(respondWithin)}`,
    `- First public update within: ${within(firstPublicUpdate)}`,
    `- Then a public update every: ${within(publicUpdateEvery)}`,
    `- Internal update every: ${within(internalUpdateEvery)}`,
    ...(policy.businessHoursOnly ? ['- Public updates are counted in business hours only'] : []),
    ...(lateTell.length
      ? [
          `- When late, every ${within(policy.lateEvery)}: ${lateTell.map((role) => DUTY_ROLE_LABELS[role].toLowerCase()).join(', ')}`,
        ]
      : []),
    ...(policy.audiences.length ? [`- Audiences told: ${policy.audiences.join(', ')}`] : []),
    ...(policy.watchBeforeResolving === null
      ? []
      : [`- Watch before resolving: ${within(policy.watchBeforeResolving)}`]),
    ...(policy.needsApproval ? ['- Public updates wait for an approver'] : []),
    ...(policy.postmortemWithinHours === null
      ? []
      : [`- Postmortem within: ${policy.postmortemWithinHours} hours`]),
  ];
}

function staffCsv({ staff }: PrivateExport): string {
  return csvText([
    ['name', 'address', 'role', 'approver', 'on_duty_now'],
    ...staff.map(({ name, email, role, approver, onDuty }) => [
      name,
      email,
      role,
      approver ? 'yes' : '',
      onDuty.join(', '),
    ]),
  ]);
}

function dutyCsv({ shifts, page }: PrivateExport): string {
  const both = (person: Mailbox | null | undefined) => [person?.name ?? null, person?.email ?? null];
  return csvText([
    [
      ...['from', 'until', 'comms_lead', 'comms_lead_address', 'second', 'second_address'],
      ...['manager', 'manager_address'],
    ],
    ...shifts.map(({ startsAt, endsAt, people: [primary, second, manager] }) => [
      dateTimeText(startsAt, page.zone),
      dateTimeText(endsAt, page.zone),
      ...both(primary),
      ...both(second),
      ...both(manager),
    ]),
  ]);
}

function pagingCsv({ places }: PrivateExport): string {
  return csvText([
    ['place', 'what', 'called_of', 'which_calls', 'looked_after_by'],
    ...places.map(({ name, what, severities, calls, owner }) => [
      name,
      what,
      severities.join(' '),
      calls,
      owner,
    ]),
  ]);
}

function audiencesCsv({ audiences }: PrivateExport): string {
  return csvText([
    ['audience', 'kind', 'told_of', 'name', 'channel', 'address'],
    ...audiences.flatMap(({ name, kind, told, members }) =>
      orNobody(members).map((member) => [name, kind, told.join(' '), ...member]),
    ),
  ]);
}

function accountsCsv({ accounts }: PrivateExport): string {
  return csvText([
    ['account', 'told_by', 'told_by_address', 'components', 'name', 'channel', 'address'],
    ...accounts.flatMap(({ name, contact, components, members }) =>
      orNobody(members).map((member) => [
        name,
        contact?.name ?? null,
        contact?.email ?? null,
        components.join(', '),
        ...member,
      ]),
    ),
  ]);
}

/** Who has nobody yet is in the list all the same. */
function orNobody(members: readonly Member[]): (string | null)[][] {
  return members.length
    ? members.map(({ name, channel, address }) => [name, channel, address])
    : [[null, null, null]];
}
