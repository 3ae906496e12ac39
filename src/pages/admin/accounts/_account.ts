import { textOf } from '#components/admin/forms.ts';

/** What the form about an account holds. */
export type AccountFields = { name: string; contactId: string; components: string[] };

export function fieldsIn(form: FormData): AccountFields {
  return {
    name: textOf(form, 'name'),
    contactId: textOf(form, 'contactId'),
    components: form.getAll('components').map(String),
  };
}
