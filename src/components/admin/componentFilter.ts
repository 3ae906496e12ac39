/** Narrows a long list of components as one types; without script the whole list is there. */
for (const filter of document.querySelectorAll<HTMLInputElement>('input[data-filter]')) {
  const list = filter.closest('fieldset') as HTMLFieldSetElement;
  filter.closest('[hidden]')?.removeAttribute('hidden');
  filter.addEventListener('input', () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of list.querySelectorAll<HTMLElement>('[data-name]'))
      row.hidden = !(row.dataset.name as string).toLowerCase().includes(wanted);
    for (const group of list.querySelectorAll<HTMLElement>('[data-group]'))
      group.hidden = !group.querySelector('[data-name]:not([hidden])');
  });
  filter.addEventListener('keydown', (event) => {
    // Enter here means "found it", not "send the form".
    if (event.key === 'Enter') event.preventDefault();
  });
}
