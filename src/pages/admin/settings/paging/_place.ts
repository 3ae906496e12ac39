import { textOf } from '#components/admin/forms.ts';
import type { PlaceRow } from '#services/places.ts';

/** The form of a place where staff are called, as it is typed. */
export type PlaceFields = {
  channel: string;
  name: string;
  owner: string;
  url: string;
  routingKey: string;
  severities: string[];
  calls: string;
};

/** A chat hears all; a pager wakes people, so it gets what cannot wait. */
export function newFields(what: string | null, owner: string): PlaceFields {
  const isPager = what === 'pager';
  return {
    channel: isPager ? 'pager' : 'slack',
    name: '',
    owner,
    url: '',
    routingKey: '',
    severities: ['SEV1', 'SEV2', ...(isPager ? [] : ['SEV3'])],
    calls: isPager ? 'pressing' : 'all',
  };
}

/** Its secrets stay where they are: an empty field leaves them so. */
export function fieldsOf({ channel, name, owner, severities, calls }: PlaceRow): PlaceFields {
  return { channel, name, owner, severities, calls, url: '', routingKey: '' };
}

export function fieldsIn(form: FormData): PlaceFields {
  return {
    channel: textOf(form, 'channel'),
    name: textOf(form, 'name'),
    owner: textOf(form, 'owner'),
    url: textOf(form, 'url'),
    routingKey: textOf(form, 'routingKey'),
    severities: form.getAll('severities').filter((one) => typeof one === 'string'),
    calls: textOf(form, 'calls'),
  };
}
