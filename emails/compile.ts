import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import mjml2html from 'mjml';

/**
 * `node emails/compile.ts` turns the .mjml files into emails/compiled.ts, which is committed: MJML itself is needed to develop,
 * never to run. A test compiles again and compares.
 */
const TEMPLATES = [
  'update',
  'confirm',
  'already',
  'unsubscribed',
  'manage',
  'leave',
  'hook',
  'call',
  'stakeholder',
  'digest',
] as const;

/** The text of emails/compiled.ts. Reads the .mjml files of the folder given. */
export async function compileTemplates(folder: string): Promise<string> {
  const frame = await readFile(resolve(folder, 'frame.mjml'), 'utf8');
  const parts = ['// Written by `node emails/compile.ts` from the .mjml files. Do not edit.\n'];
  for (const name of TEMPLATES) {
    const content = await readFile(resolve(folder, `${name}.mjml`), 'utf8');
    const { html } = await mjml2html(
      frame.replace('<!-- content -->', () => content),
      {
        validationLevel: 'strict',
        ignoreIncludes: true,
        // Without this, a font of a known name is fetched from Google, which would tell it who reads our mail.
        fonts: {},
        keepComments: false,
        minify: true,
        minifyOptions: { minifyCss: false },
      },
    );
    parts.push(`export const ${name} = ${JSON.stringify(tighten(html))};\n`);
  }
  return parts.join('\n');
}

/** White space between tags and in style sheets is never seen; the minifier leaves it because it cannot know. */
function tighten(html: string): string {
  return html
    .replace(/\s*\n\s*/g, ' ')
    .replace(/> +</g, '><')
    .replace(/> *(\{\{[#/][a-z_]+\}\}) */g, '>$1')
    .trim();
}

const script = process.argv[1] ?? '';
if (/[/\\]emails[/\\]compile\.ts$/.test(script)) {
  const folder = resolve(script, '..');
  await writeFile(resolve(folder, 'compiled.ts'), await compileTemplates(folder));
}
