import { textOf } from '#components/admin/forms.ts';
import type { Audience } from '#services/audiences.ts';

/** What the form about an audience holds. */
export type AudienceFields = {
  name: string;
  kind: string;
  /** Whether the policies say of what it is told. */
  told: string;
  severities: string[];
  intro: string;
  facts: string[];
};

export function fieldsOf({ name, kind, severities, intro, facts }: Audience): AudienceFields {
  return {
    name,
    kind,
    told: severities ? 'own' : 'policies',
    severities: severities ?? [],
    intro: intro ?? '',
    facts,
  };
}

export function fieldsIn(form: FormData): AudienceFields {
  return {
    name: textOf(form, 'name'),
    kind: textOf(form, 'kind'),
    told: textOf(form, 'told'),
    severities: form.getAll('severities').map(String),
    intro: textOf(form, 'intro'),
    facts: form.getAll('facts').map(String),
  };
}

/** As the service takes it, to be checked. */
export function inputOf({ told, severities, ...fields }: AudienceFields): Record<string, unknown> {
  return { ...fields, severities: told === 'policies' ? null : severities };
}
