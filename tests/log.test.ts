import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { ROOT } from './support/build.ts';

/** What the log writes when it is given what it must not say, from a process of its own, as an operator would read it. */
function written(fields: object): string {
  const script = `import { createLog } from './src/log.ts';
    const fields = ${JSON.stringify(fields)};
    const err = Object.assign(new Error('duplicate key value'), fields);
    createLog('info').error({ ...fields, inner: fields, err }, 'A request failed.');`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: ROOT,
    encoding: 'utf8',
  });
}

it('says no address, token or password, whatever it is handed', () => {
  const secret = {
    email: 'ada@private.example',
    address: 'ada@private.example',
    token: 'sesame',
    password: 'sesame',
  };
  const line = written(secret);
  expect(line).toContain('A request failed.');
  expect(line).not.toMatch(/private\.example|sesame/);
});

it('says of a refused row that it was refused, and not what stood in it', () => {
  const line = written({
    detail: 'Key (email)=(ada@private.example) already exists.',
    parameters: ['ada@private.example'],
  });
  expect(line).toContain('duplicate key value');
  expect(line).not.toContain('private.example');
});
