import { SEVERITY_QUESTIONS, type SeverityAnswers, suggestSeverity } from '#domain/severity.ts';
import { keepDraft } from './draftKeeper.ts';

/** The severity helper answers as one answers it; without script a button asks the server. */
const place = document.querySelector<HTMLElement>('[data-severity]');
const form = place?.closest('form');
if (place && form) {
  keepDraft(form, () => undefined);
  for (const spare of place.querySelectorAll<HTMLElement>('[data-without-script]')) spare.hidden = true;
  let touched = false;
  place.addEventListener('change', (event) => {
    const { name } = event.target as HTMLInputElement;
    if (name === 'severity') touched = true;
    if (!name.startsWith('helper.')) return;
    const data = new FormData(form);
    const answer = (key: string) => String(data.get(`helper.${key}`) ?? '');
    const complete = Object.keys(SEVERITY_QUESTIONS).every((key) => answer(key) !== '');
    const certain = answer('dataLossOrBreach') === 'yes';
    const words = place.querySelector('[data-suggestion]');
    if (!words || !(complete || certain)) return;
    const severity = suggestSeverity({
      users: answer('users'),
      effect: answer('effect'),
      business: answer('business'),
      workaround: answer('workaround') === 'yes',
      dataLossOrBreach: certain,
    } as SeverityAnswers);
    words.textContent = `These answers suggest ${severity}.`;
    const radio = place.querySelector<HTMLInputElement>(`input[value="${severity}"]`);
    // What a person chose themselves is never changed under their hands.
    if (radio && !touched) radio.checked = true;
  });
}
