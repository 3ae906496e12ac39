import { expect, it } from 'vitest';
import { titleWithScope } from '#domain/title.ts';

it('says where it is felt after the title, once', () => {
  expect(titleWithScope('Checkout is failing.', 'EU only')).toBe('Checkout is failing (EU only)');
  expect(titleWithScope('Checkout is failing', null)).toBe('Checkout is failing');
  expect(titleWithScope('Checkout is failing in Europe', 'europe')).toBe('Checkout is failing in Europe');
});
