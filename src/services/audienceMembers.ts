import { z } from 'zod';
import { listAccounts } from '#db/accounts.ts';
import { listAudiences, listMembersOf, removeAudienceMember, upsertAudienceMember } from '#db/audiences.ts';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { parseCsv } from '#domain/csv.ts';
import { AppError } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { optional, parseAddress, singleLine } from '#domain/text.ts';
import { checkedHookUrl } from './hookPlace.ts';
import { erasedKey, restoreSuppression } from './subscribers.ts';

// People of an audience or of an account: both are named by their id.

const address = (name: string) =>
  z
    .string({ error: `${name} is missing.` })
    .trim()
    .min(1, `${name} is empty. Write something.`)
    .transform((text, issues) => {
      const parsed = parseAddress(text);
      if (parsed) return parsed;
      issues.addIssue({ code: 'custom', message: 'This is no mail address. Write it as mia@example.com.' });
      return z.NEVER;
    });

export const memberInput = z.object({
  address: address('The mail address'),
  name: optional(singleLine(100, 'The name')),
});

/** Adding someone who is there already changes their name. @throws AppError not_found */
export async function addMember(
  ctx: Ctx,
  groupId: string,
  input: z.infer<typeof memberInput>,
): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  const id = ctx.newId();
  await ctx.db.write(async (tx) => {
    const subjectKind = await requireGroup(tx, groupId);
    await insertMember(tx, ctx, groupId, { ...input, id });
    await insertAudit(tx, ctx, {
      action: 'audience.addMember',
      subjectKind,
      subjectId: groupId,
      detail: { name: input.name },
    });
  });
}

/** Chats that an audience may have: a webhook's calls are the public's. */
const CHATS = ['slack', 'teams', 'discord'] as const;

export const chatInput = z.object({
  channel: z.enum(CHATS, { error: 'Choose what chat it is.' }),
  url: z.string().trim().min(1, 'The address is empty. Copy it from the chat.'),
  name: optional(singleLine(80, 'The name')),
  owner: address('The mail address of whoever looks after it'),
});

/** Adds a chat, which is told what the people are told. @throws AppError not_found, invalid when the address must not be called */
export async function addChat(ctx: Ctx, groupId: string, input: z.infer<typeof chatInput>): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  const url = await checkedHookUrl(ctx, input.url);
  const id = ctx.newId();
  await ctx.db.write(async (tx) => {
    const subjectKind = await requireGroup(tx, groupId);
    const { channel, name, owner } = input;
    await insertMember(tx, ctx, groupId, { id, channel, address: url, name, owner });
    await insertAudit(tx, ctx, {
      action: 'audience.addChat',
      subjectKind,
      subjectId: groupId,
      detail: { channel, name },
    });
  });
}

export type PasteReport = {
  added: number;
  /** There already; a name that came with them is theirs now. */
  known: number;
  /** Lines of which nobody was added, as they were written. */
  bad: { line: number; text: string; reason: string }[];
};

const MOST_LINES = 1_000;

/**
 * Adds everyone whom the lines name: a mail address and a name in either order, between commas, semicolons or tabs, or written as
 * Name <address>. A line of column names is passed over. What cannot be read is told line by line, and the rest is added all the same.
 * @throws AppError not_found, invalid when there is no line or too many
 */
export async function pasteMembers(ctx: Ctx, groupId: string, text: string): Promise<PasteReport> {
  requirePermission(ctx.actor, 'audience.write');
  const { people, bad } = await readPeople(text);
  if (!people.size && !bad.length) wrongPaste('There is no line to read. Write one person a line.');
  if (people.size + bad.length > MOST_LINES)
    wrongPaste(`These are too many lines at once. Paste ${MOST_LINES.toLocaleString('en')} at most.`);
  const added = await ctx.db.write(async (tx) => {
    const subjectKind = await requireGroup(tx, groupId);
    const here = new Set((await listMembersOf(tx, [groupId])).map((member) => member.address));
    for (const [address, name] of people)
      await insertMember(tx, ctx, groupId, { id: ctx.newId(), address, name });
    const added = [...people.keys()].filter((address) => !here.has(address)).length;
    await insertAudit(tx, ctx, {
      action: 'audience.paste',
      subjectKind,
      subjectId: groupId,
      detail: { added, known: people.size - added, bad: bad.length },
    });
    return added;
  });
  return { added, known: people.size - added, bad };
}

async function readPeople(
  text: string,
): Promise<{ people: Map<string, string | null>; bad: PasteReport['bad'] }> {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  const people = new Map<string, string | null>();
  const bad: PasteReport['bad'] = [];
  for (const [index, written] of lines.entries()) {
    const line = index + 1;
    if (!written.trim()) continue;
    // A spreadsheet's cells arrive between tabs, some lands' CSV between semicolons.
    const separator = ['\t', ';'].find((one) => written.includes(one) && !written.includes(','));
    const mailbox = MAILBOX.exec(written);
    const cells = mailbox
      ? [mailbox[2] as string, mailbox[1] as string]
      : separator
        ? written.split(separator)
        : await cellsOf(written);
    const wrong = (reason: string) => bad.push({ line, text: written, reason });
    if (typeof cells === 'string') {
      wrong(cells);
      continue;
    }
    const person = readPerson(cells);
    if (typeof person !== 'string') {
      if (people.has(person.address)) wrong('This address stands in a line before.');
      else people.set(person.address, person.name);
    } else if (index > 0 || written.includes('@')) wrong(person);
  }
  return { people, bad };
}

/** Name <address>, as mail programs copy it; the name may be quoted. */
const MAILBOX = /^\s*"?([^"<>]*?)"?\s*<([^<>\s]+@[^<>\s]+)>[\s,;]*$/;

async function cellsOf(line: string): Promise<string[] | string> {
  for await (const record of parseCsv([line]))
    return 'error' in record ? 'Its quotes do not match.' : record.fields;
  return [];
}

/** Or why nobody can be read there. */
function readPerson(cells: readonly string[]): { address: string; name: string | null } | string {
  const filled = cells.map((cell) => cell.trim()).filter(Boolean);
  const [first, second, ...more] = filled;
  if (more.length) return 'There are more than two cells. Write an address and a name.';
  const [address, name] = first?.includes('@') || !second ? [first, second] : [second, first];
  if (!address?.includes('@')) return 'There is no mail address.';
  const person = memberInput.safeParse({ address, name: name ?? '' });
  return person.success ? person.data : (person.error.issues[0]?.message ?? 'This line cannot be read.');
}

function wrongPaste(message: string): never {
  throw new AppError('invalid', message, { problems: [{ field: 'lines', message }] });
}

/** @throws AppError not_found */
export async function removeMember(ctx: Ctx, groupId: string, memberId: string): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const subjectKind = await requireGroup(tx, groupId);
    if (!(await removeAudienceMember(tx, groupId, memberId, now)))
      throw new AppError('not_found', 'This person is not in the audience: someone may have removed them.', {
        fix: 'Look at the list again.',
      });
    await insertAudit(tx, ctx, {
      action: 'audience.removeMember',
      subjectKind,
      subjectId: groupId,
      detail: { recipient: memberId },
    });
  });
}

async function insertMember(
  tx: Tx,
  ctx: Ctx,
  audienceId: string,
  member: Pick<Parameters<typeof upsertAudienceMember>[1], 'id' | 'address' | 'name'> & {
    channel?: (typeof CHATS)[number];
    owner?: string;
  },
): Promise<void> {
  const { channel = 'email', owner = null } = member;
  const mailed = channel === 'email' ? member.address : owner;
  if (mailed !== null) await restoreSuppression(tx, erasedKey(ctx, mailed), mailed);
  await upsertAudienceMember(tx, { ...member, audienceId, channel, owner, now: ctx.now() });
}

/** Which it is. @throws AppError not_found */
async function requireGroup(tx: Tx, id: string): Promise<'audience' | 'account'> {
  if ((await listAudiences(tx)).some((audience) => audience.id === id)) return 'audience';
  if ((await listAccounts(tx)).some((account) => account.id === id)) return 'account';
  throw new AppError('not_found', 'There is no such audience.', { fix: 'Choose one from the list.' });
}
