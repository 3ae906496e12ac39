import { setTimeout } from 'node:timers/promises';
import { insertAudit } from '#db/audit.ts';
import { insertScopes, listChoices } from '#db/choices.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { insertSubscribers, listKnown } from '#db/recipients.ts';
import { listSuppressed } from '#db/suppressions.ts';
import type { Choices, Scope } from '#domain/choice.ts';
import { parseCsv } from '#domain/csv.ts';
import { AppError } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { parseAddress } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';
import { erasedKey } from './subscribers.ts';

/** A row that was not added, and why. */
export type SkippedRow = { line: number; reason: string };

export type ImportReport = {
  rows: number;
  added: number;
  /** Subscribed already, or waiting to confirm. */
  existing: number;
  /** Written more than once in the file. */
  repeated: number;
  /** Unsubscribed before: only they can come back. */
  unsubscribed: number;
  /** Must not be mailed: bounced or complained. */
  suppressed: number;
  /** Could not be read. */
  bad: number;
  /** Everyone left out except those who exist already, the first 1,000. */
  skipped: SkippedRow[];
};

const CHUNK = 1_000;
const REST_MS = 10;
const MAX_SKIPPED = 1_000;
const LOCALE = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

type Entry = { line: number; address: string; scopes: readonly Scope[]; locale: string };

/**
 * Adds everyone in a CSV file who agreed elsewhere, confirmed at once. A header row names the columns: `email`, and optionally
 * `components` (names or ids of components or groups, between semicolons; empty for the whole page) and `locale`. It is written
 * in chunks with a rest between them, so that others can write meanwhile; a second run adds no one twice.
 * @param onProgress called after each chunk
 * @throws AppError invalid when the header lacks `email`
 */
export async function importSubscribers(
  ctx: Ctx,
  file: AsyncIterable<string> | string,
  options: { onProgress?: (report: Readonly<ImportReport>) => void } = {},
): Promise<ImportReport> {
  requirePermission(ctx.actor, 'subscriber.write');
  const report: ImportReport = {
    rows: 0,
    added: 0,
    existing: 0,
    repeated: 0,
    unsubscribed: 0,
    suppressed: 0,
    bad: 0,
    skipped: [],
  };
  const run = { ctx, report, startedAt: ctx.now() };
  const scopesByName = indexScopes(await ctx.db.read(listChoices));
  let columns: Columns | undefined;
  let chunk: Entry[] = [];
  for await (const record of parseCsv(typeof file === 'string' ? [file] : file)) {
    if (!columns && 'fields' in record) {
      columns = readHeader(record.fields);
      continue;
    }
    report.rows++;
    const entry = 'error' in record ? record.error : readEntry(record, columns!, scopesByName);
    if (typeof entry === 'string') {
      report.bad++;
      skip(report, record.line, entry);
      continue;
    }
    chunk.push(entry);
    if (chunk.length < CHUNK) continue;
    await importChunk(run, chunk);
    chunk = [];
    options.onProgress?.(report);
    await setTimeout(REST_MS);
  }
  if (!columns) throw headerProblem('The file is empty.');
  await importChunk(run, chunk);
  options.onProgress?.(report);
  const { skipped, ...counts } = report;
  await ctx.db.write((tx) =>
    insertAudit(tx, ctx, {
      action: 'subscriber.import',
      subjectKind: 'subscriber',
      subjectId: 'import',
      detail: counts,
    }),
  );
  return report;
}

type Run = { ctx: Ctx; report: ImportReport; startedAt: Instant };

async function importChunk({ ctx, report, startedAt }: Run, chunk: readonly Entry[]): Promise<void> {
  const entries = new Map<string, Entry>();
  const repeats: number[] = [];
  for (const entry of chunk) {
    if (entries.has(entry.address)) repeats.push(entry.line);
    else entries.set(entry.address, entry);
  }
  if (entries.size === 0) return;
  const people = new Map([...entries].map(([address, entry]) => [address, { ...entry, id: ctx.newId() }]));
  const hashes = new Map([...entries.keys()].map((address) => [erasedKey(ctx, address), address]));
  const { known, suppressed } = await ctx.db.write(async (tx) => {
    const known = await listKnown(tx, [...entries.keys()]);
    const keys = await listSuppressed(tx, [...entries.keys(), ...hashes.keys()]);
    const suppressed = new Set([...keys].map((key) => hashes.get(key) ?? key));
    const fresh = [...people.values()].filter(
      ({ address }) => !known.has(address) && !suppressed.has(address),
    );
    await insertFresh(tx, fresh, startedAt);
    return { known, suppressed };
  });
  for (const line of repeats) repeated(report, line);
  for (const [address, { line }] of entries) {
    const before = known.get(address);
    if (before?.createdAt === startedAt && before.consentSource === SOURCE) repeated(report, line);
    else if (before?.state === 'unsubscribed') {
      report.unsubscribed++;
      skip(report, line, 'This person unsubscribed before. Only they can subscribe again.');
    } else if (before) report.existing++;
    else if (suppressed.has(address)) {
      report.suppressed++;
      skip(report, line, 'This address must not be mailed: mail to it bounced or was reported as unwanted.');
    } else report.added++;
  }
}

const SOURCE = 'import';

async function insertFresh(tx: Tx, people: readonly (Entry & { id: string })[], now: Instant): Promise<void> {
  if (people.length === 0) return;
  const seqs = await insertSubscribers(
    tx,
    people.map(({ id, address, scopes, locale }) => ({
      id,
      address,
      locale,
      state: 'confirmed',
      wholePage: scopes.length === 0,
      // They agreed elsewhere, to a wording that is not ours.
      consentVersion: null,
      consentSource: SOURCE,
      now,
    })),
  );
  await insertScopes(
    tx,
    people.flatMap(({ id, scopes }) =>
      scopes.map((scope) => ({ recipientSeq: seqs.get(id) as number, ...scope })),
    ),
  );
}

function repeated(report: ImportReport, line: number): void {
  report.repeated++;
  skip(report, line, 'This address stands in the file before.');
}

function skip(report: ImportReport, line: number, reason: string): void {
  if (report.skipped.length < MAX_SKIPPED) report.skipped.push({ line, reason });
}

type Columns = { email: number; components: number; locale: number };

function readHeader(fields: readonly string[]): Columns {
  const names = fields.map((field) => field.trim().toLowerCase());
  const email = names.indexOf('email');
  if (email < 0)
    throw headerProblem(
      `The first line names these columns: ${names.join(', ').slice(0, 200)}. None is email.`,
    );
  return { email, components: names.indexOf('components'), locale: names.indexOf('locale') };
}

function headerProblem(what: string): AppError {
  const fix = 'Begin the file with a line of column names, such as: email,components,locale';
  return new AppError('invalid', what, { fix, problems: [{ field: 'csv', message: `${what} ${fix}` }] });
}

/** The entry, or why the row cannot be one. */
function readEntry(
  { line, fields }: { line: number; fields: string[] },
  columns: Columns,
  scopesByName: ReadonlyMap<string, readonly Scope[]>,
): Entry | string {
  const written = (fields[columns.email] ?? '').trim();
  if (!written) return 'There is no mail address.';
  const address = parseAddress(written);
  if (!address) return `This is no mail address: ${shown(written)}`;
  const locale = (fields[columns.locale] ?? '').trim() || 'en';
  if (!LOCALE.test(locale)) return `This is no locale: ${shown(locale)}. Write it as en or de-AT.`;
  const scopes = new Map<string, Scope>();
  for (const name of (fields[columns.components] ?? '').split(';').map((part) => part.trim())) {
    if (!name) continue;
    const found = scopesByName.get(name.toLowerCase()) ?? [];
    if (found.length === 0) return `No component or group is called ${shown(name)}.`;
    if (found.length > 1) return `More than one component or group is called ${shown(name)}. Write its id.`;
    for (const scope of found) scopes.set(`${scope.kind} ${scope.id}`, scope);
  }
  return { line, address, scopes: [...scopes.values()], locale };
}

/** What was written, fit for a terminal and a page. */
function shown(text: string): string {
  return `“${text.replace(/\p{C}/gu, '').slice(0, 60)}”`;
}

function indexScopes({ groups, components }: Choices): Map<string, Scope[]> {
  const index = new Map<string, Scope[]>();
  const add = (key: string, scope: Scope) =>
    index.set(key.toLowerCase(), [...(index.get(key.toLowerCase()) ?? []), scope]);
  for (const group of groups)
    for (const key of [group.id, group.name]) add(key, { kind: 'group', id: group.id });
  for (const { id, name } of [...groups.flatMap((group) => group.components), ...components])
    for (const key of [id, name]) add(key, { kind: 'component', id });
  return index;
}
