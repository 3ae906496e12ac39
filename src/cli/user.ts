import { randomInt } from 'node:crypto';
import { createUser } from '#auth/accounts.ts';
import { ROLES, type Role } from '#domain/permissions.ts';
import { type Command, type Io, readArguments, required, UsageError } from './command.ts';
import { withInstallation } from './installation.ts';

export const userCreate: Command = {
  help: `
  foghorn user create --email E --role R [--name N] [--password-stdin]

  --email E          the address to sign in with
  --role R           ${ROLES.join(', ')}
  --name N           how updates name the person; the part of the address before the @ when left out
  --password-stdin   read the password from the first line of standard input

Without --password-stdin a password is made up and printed once.

  foghorn user create --email ada@example.com --role owner --name "Ada Byron"`,
  async run(args, io) {
    const { values } = readArguments(args, {
      email: { type: 'string' },
      role: { type: 'string' },
      name: { type: 'string' },
      'password-stdin': { type: 'boolean' },
    });
    const email = required(values.email, '--email', 'Write it as --email ada@example.com.');
    const role = required(values.role, '--role', `Choose one of ${ROLES.join(', ')}.`);
    if (!ROLES.includes(role as Role))
      throw new UsageError(`There is no role "${role}".`, `Choose one of ${ROLES.join(', ')}.`);
    const given = values['password-stdin'] ? await readPassword(io) : null;
    const password = given ?? makePassword();
    const name = values.name ?? (email.split('@')[0] as string);
    await withInstallation({ create: true }, async (_, ctx) => {
      await createUser(ctx, { email, name, role: role as Role, password });
      io.say(`${name} can sign in at ${ctx.site.url}/admin/login as ${email} (${role}).`);
      if (given === null) {
        io.say('The password, which is shown only this once:');
        io.out(password);
      }
    });
  },
};

async function readPassword(io: Io): Promise<string> {
  const password = (await io.readAll()).split(/\r?\n/)[0] ?? '';
  if (password) return password;
  throw new UsageError(
    'There is no password on standard input.',
    'Write: printf \'%s\' "$PASSWORD" | foghorn user create ... --password-stdin',
  );
}

/** Five groups of four, without letters that look alike: 99 bits. */
function makePassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  return Array.from({ length: 5 }, () =>
    Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join(''),
  ).join('-');
}
