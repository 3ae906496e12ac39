/** Copies the text that a button names. Without script the button is not there, and the text can be selected. */
for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copies]')) {
  const text = document.getElementById(button.dataset.copies as string) as
    | HTMLTextAreaElement
    | HTMLInputElement;
  const said = text.parentElement?.querySelector('[data-copied]');
  button.hidden = false;
  button.addEventListener('click', async () => {
    text.select();
    // A browser gives its clipboard to pages over https alone; then the text at least stands selected.
    const done = await navigator.clipboard?.writeText(text.value).then(
      () => true,
      () => false,
    );
    if (said) said.textContent = done ? 'Copied.' : 'Selected: copy it with Ctrl+C.';
  });
}
