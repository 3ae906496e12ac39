import { textOf } from '#components/admin/forms.ts';
import { toLocal } from '#domain/time.ts';
import type { ListedShift } from '#services/duty.ts';

/** What the form about a shift holds, as it is typed; people by their ids, '' for nobody. */
export type ShiftFields = { from: string; to: string; primary: string; second: string; manager: string };

export const EMPTY_SHIFT: ShiftFields = { from: '', to: '', primary: '', second: '', manager: '' };

export function shiftFields(form: FormData): ShiftFields {
  return {
    from: textOf(form, 'from'),
    to: textOf(form, 'to'),
    primary: textOf(form, 'primary'),
    second: textOf(form, 'second'),
    manager: textOf(form, 'manager'),
  };
}

export function fieldsOf(shift: ListedShift, zone: string): ShiftFields {
  return {
    from: toLocal(shift.startsAt, zone),
    to: toLocal(shift.endsAt, zone),
    primary: shift.primary.userId,
    second: shift.second?.userId ?? '',
    manager: shift.manager?.userId ?? '',
  };
}

/** People to choose from, and whoever is chosen and can no longer sign in, marked so that the gap is seen. */
export function personOptions(
  people: readonly { userId: string; name: string }[],
  chosen: string,
  none: string,
  gone: { userId: string; name: string } | null = null,
): { value: string; label: string }[] {
  const isGone = gone?.userId === chosen && !people.some(({ userId }) => userId === chosen);
  return [
    { value: '', label: none },
    ...(isGone ? [{ value: gone.userId, label: `${gone.name} (can no longer sign in)` }] : []),
    ...people.map(({ userId, name }) => ({ value: userId, label: name })),
  ];
}
