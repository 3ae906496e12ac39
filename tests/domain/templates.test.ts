import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TEMPLATES } from '#domain/defaultTemplates.ts';
import { hintsFor } from '#domain/hints.ts';
import {
  EXAMPLE_VALUES,
  namesInWords,
  substitute,
  TEMPLATE_KINDS,
  TEMPLATE_VARIANTS,
  unknownVariables,
  VARIABLES,
} from '#domain/templates.ts';

describe('filling a template', () => {
  it('puts the value of each listed variable in its place', () => {
    expect(substitute('{{components}} may fail for {{ affected }}.', EXAMPLE_VALUES)).toEqual({
      text: 'Checkout and Card payments may fail for about one in three customers.',
      missing: [],
    });
  });

  it('leaves a variable without a value standing and names it once', () => {
    expect(substitute('{{provider}}, {{provider}} and {{region}}', { provider: ' ', region: null })).toEqual({
      text: '{{provider}}, {{provider}} and {{region}}',
      missing: ['provider', 'region'],
    });
  });

  it('runs nothing and reads nothing but the list', () => {
    for (const literal of [
      '{{7*7}}',
      '{{constructor}}',
      '{{__proto__}}',
      '{{toString}}',
      '{{ self.__init__ }}',
      '{{title.length}}',
      '{{#if title}}x{{/if}}',
      '{%raw%}',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: must stay as it is
      '${7*7}',
      '{{title',
      '{title}',
    ])
      expect(substitute(literal, { ...EXAMPLE_VALUES }), literal).toEqual({ text: literal, missing: [] });
  });

  it('does not look for values in the prototype', () => {
    const values = Object.create({ title: 'inherited' });
    expect(substitute('{{title}}', values)).toEqual({ text: '{{title}}', missing: ['title'] });
  });

  it('never reads a value again, whatever it holds', () => {
    expect(substitute('{{title}}', { title: '{{severity}}', severity: 'SEV1' }).text).toBe('{{severity}}');
    expect(substitute('{{title}}{{scope}}', { title: '{{', scope: 'status}}', status: 'x' }).text).toBe(
      '{{status}}',
    );
    // $& and $1 mean something to String.replace when the replacement is text.
    expect(substitute('{{title}}', { title: '$& $1 $$' }).text).toBe('$& $1 $$');
  });

  it('changes nothing in a text without variables', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('{{'));
        expect(substitute(text, EXAMPLE_VALUES)).toEqual({ text, missing: [] });
      }),
    );
  });

  it('points out what looks like a variable but is none', () => {
    expect(unknownVariables('{{title}} {{tilte}} {{7*7}} {{tilte}}')).toEqual(['tilte', '7*7']);
  });
});

describe('names in words', () => {
  it('reads as a sentence does, and stays short', () => {
    expect(namesInWords([])).toBe('');
    expect(namesInWords(['Checkout'])).toBe('Checkout');
    expect(namesInWords(['Checkout', 'Cards', 'Payouts'])).toBe('Checkout, Cards and Payouts');
    expect(namesInWords(['A', 'B', 'C', 'D', 'E', 'F'])).toBe('A, B, C and 3 others');
  });
});

describe('the shipped wording', () => {
  it('has every kind in every variant', () => {
    for (const kind of TEMPLATE_KINDS)
      for (const variant of TEMPLATE_VARIANTS)
        expect(
          DEFAULT_TEMPLATES.some((template) => template.kind === kind && template.variant === variant),
          `${kind} ${variant}`,
        ).toBe(true);
  });

  it('uses listed variables alone, and every variable is explained', () => {
    for (const template of DEFAULT_TEMPLATES)
      expect(unknownVariables(template.body), template.name).toEqual([]);
    for (const variable of VARIABLES) {
      expect(variable.meaning).not.toBe('');
      expect(variable.example).not.toBe('');
    }
  });

  it('stands up to our own hints once it is filled in', () => {
    for (const template of DEFAULT_TEMPLATES) {
      const hints = hintsFor({
        body: substitute(template.body, EXAMPLE_VALUES).text,
        audience: template.kind === 'internal' ? 'internal' : 'public',
        status: template.status ?? undefined,
      });
      expect(hints, template.name).toEqual([]);
    }
  });
});
