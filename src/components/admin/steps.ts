/**
 * Ticks a step off without leaving the page, so that what is being typed elsewhere on it, what is unfolded and where one has scrolled to
 * stay. Whatever goes wrong, the form is sent as it would be without script, and the page says why.
 */
export {};

const place = document.querySelector<HTMLElement>('[data-runbooks]');
place?.addEventListener('submit', (event) => {
  const form = event.target as HTMLFormElement;
  const button = (event as SubmitEvent).submitter as HTMLButtonElement | null;
  if (!button?.matches('.step')) return;
  event.preventDefault();
  void send(form, button);
});

async function send(form: HTMLFormElement, button: HTMLButtonElement): Promise<void> {
  const answer = await fetch(location.href, {
    method: 'POST',
    body: new URLSearchParams([...new FormData(form, button)] as [string, string][]),
  }).catch(() => null);
  const text = answer?.ok ? await answer.text().catch(() => '') : '';
  const fresh = new DOMParser().parseFromString(text, 'text/html').querySelector('[data-runbooks]');
  if (!place || !fresh) {
    // The names of form.submit() and a button called so would collide; the prototype's is the real one.
    const field = document.createElement('input');
    field.type = 'hidden';
    field.name = button.name;
    field.value = button.value;
    form.append(field);
    HTMLFormElement.prototype.submit.call(form);
    return;
  }
  const unfolded = new Map(
    [...place.querySelectorAll<HTMLDetailsElement>('[data-runbook]')].map(({ dataset, open }) => [
      dataset.runbook,
      open,
    ]),
  );
  place.replaceChildren(...fresh.childNodes);
  for (const details of place.querySelectorAll<HTMLDetailsElement>('[data-runbook]'))
    details.open = unfolded.get(details.dataset.runbook) ?? details.open;
  document.getElementById(button.id)?.focus({ preventScroll: true });
}
