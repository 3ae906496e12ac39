import { expect, it } from 'vitest';
import { listAudit } from '#db/audit.ts';
import { DEFAULT_TEMPLATES } from '#domain/defaultTemplates.ts';
import {
  deleteTemplate,
  ensureDefaultTemplates,
  fillTemplate,
  listTemplates,
  saveTemplate,
  type TemplateInput,
  templateInput,
} from '#services/templates.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

const INPUT: TemplateInput = {
  kind: 'progress',
  variant: '',
  name: 'Half mended',
  body: 'Half of {{components}} works.',
  status: 'identified',
};

eachDatabase('templates', (fresh) => {
  it('gives a new installation the shipped wording once, in the order of an incident', async () => {
    const ctx = testContext(await fresh());
    expect(await ensureDefaultTemplates(ctx)).toBe(DEFAULT_TEMPLATES.length);
    expect(await ensureDefaultTemplates(ctx)).toBe(0);
    const templates = await listTemplates(ctx.as('viewer'));
    expect(templates.map(({ name }) => name)).toEqual(DEFAULT_TEMPLATES.map(({ name }) => name));
  });

  it('does not bring the shipped wording back once someone has written their own', async () => {
    const ctx = testContext(await fresh());
    await saveTemplate(ctx, null, INPUT);
    expect(await ensureDefaultTemplates(ctx)).toBe(0);
  });

  it('makes, changes and deletes, and writes down who did', async () => {
    const ctx = testContext(await fresh());
    const id = await saveTemplate(ctx, null, INPUT);
    await saveTemplate(ctx, id, { ...INPUT, name: 'Mostly mended', status: null });
    expect(await listTemplates(ctx)).toEqual([
      { ...INPUT, id, name: 'Mostly mended', status: null, title: null, approved: null },
    ]);
    await deleteTemplate(ctx, id);
    expect(await listTemplates(ctx)).toEqual([]);
    const audit = await ctx.db.read((tx) => listAudit(tx, null, 10));
    expect(audit.map(({ action, actor }) => [action, actor])).toEqual([
      ['template.delete', 'comms person'],
      ['template.change', 'comms person'],
      ['template.create', 'comms person'],
    ]);
  });

  it('fills in what is known and says what is not', async () => {
    const ctx = testContext(await fresh());
    const id = await saveTemplate(ctx, null, { ...INPUT, body: '{{components}} and {{provider}}' });
    expect(await fillTemplate(ctx, id, { components: 'Checkout' })).toMatchObject({
      text: 'Checkout and {{provider}}',
      missing: ['provider'],
      template: { id },
    });
  });

  it('says what is wrong with an id that is not there, and leaves nothing half done', async () => {
    const ctx = testContext(await fresh());
    for (const attempt of [
      () => saveTemplate(ctx, 'nosuch', INPUT),
      () => deleteTemplate(ctx, 'nosuch'),
      () => fillTemplate(ctx, 'nosuch', {}),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found' });
    expect(await ctx.db.read((tx) => listAudit(tx, null, 10))).toEqual([]);
  });

  it('lets responders read and not write', async () => {
    const ctx = testContext(await fresh()).as('responder');
    await expect(saveTemplate(ctx, null, INPUT)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await listTemplates(ctx)).toEqual([]);
  });
});

it('takes no empty, endless or invisible text and no unknown kind', () => {
  const problem = (changes: object) =>
    templateInput.safeParse({ ...INPUT, ...changes }).error?.issues[0]?.message;
  expect(problem({})).toBeUndefined();
  expect(problem({ name: ' ' })).toBe('The name is empty. Write something.');
  expect(problem({ name: 'x'.repeat(81) })).toContain('at most 80');
  expect(problem({ body: 'x'.repeat(5001) })).toContain('at most 5000');
  expect(problem({ body: 'a\u0002b' })).toContain('control characters');
  expect(problem({ kind: 'other' })).toBe('Choose what the template is for.');
  expect(problem({ status: 'gone' })).toContain('Choose one of the statuses');
});
