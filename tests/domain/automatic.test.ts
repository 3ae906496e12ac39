import { expect, it } from 'vitest';
import { type AutomaticFacts, automaticKind, uncertainVariables } from '#domain/automatic.ts';

const NOW = '2026-11-20T14:30:00.000Z';
const LATE: AutomaticFacts = {
  policy: { postWhenLate: true, publicUpdateEvery: 30 },
  due: '2026-11-20T14:30:00.000Z',
  isHeld: false,
  said: [],
};
const human = (clock: string) => ({ postedAt: `2026-11-20T${clock}:00.000Z`, automatic: false });
const posted = (clock: string) => ({ postedAt: `2026-11-20T${clock}:00.000Z`, automatic: true });

it.each<[string, Partial<AutomaticFacts>, ReturnType<typeof automaticKind>]>([
  ['nothing was said yet', {}, 'initial'],
  ['a person spoke an interval ago', { said: [human('14:00')] }, 'holding'],
  ['one of its own in between', { said: [posted('14:25'), human('13:50')] }, 'holding'],
  ['the policy does not say so', { policy: { postWhenLate: false, publicUpdateEvery: 30 } }, null],
  ['it is not late yet', { due: '2026-11-20T14:30:00.001Z' }, null],
  ['nothing is due', { due: null }, null],
  ['somebody has it', { isHeld: true }, null],
  ['two of its own in a row', { said: [posted('14:25'), posted('13:55'), human('13:00')] }, null],
  ['two of its own and nothing before', { said: [posted('14:25'), posted('13:55')] }, null],
  ['a person spoke within the interval and promised less', { said: [human('14:01')] }, null],
  ['a person spoke by a clock that had leapt ahead', { said: [human('20:00')] }, 'holding'],
  ['a person spoke by one that is a little ahead', { said: [human('14:40')] }, null],
  [
    'within the interval, with one of its own since',
    { said: [posted('14:20'), human('14:01'), posted('13:00')] },
    null,
  ],
])('late, and %s', (_, facts, kind) => {
  expect(automaticKind({ ...LATE, ...facts }, NOW)).toBe(kind);
});

it('a text with what may be unknown cannot be posted by itself', () => {
  expect(uncertainVariables('Since {{started}}, {{components}} may fail. More by {{next_update}}.')).toEqual(
    [],
  );
  expect(
    uncertainVariables('{{ components }} fail for {{affected}} in {{region}}; {{nobody}} knows.'),
  ).toEqual(['affected', 'region', 'nobody']);
});
