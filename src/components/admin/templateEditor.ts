import { EXAMPLE_VALUES, substitute } from '#domain/templates.ts';
import { insertText, watchWording } from './wording.ts';

/** The template's editor: variables are inserted by a press, and the example below reads as the update would. */
const editor = document.querySelector<HTMLTextAreaElement>('#body');
const kind = document.querySelector<HTMLSelectElement>('#kind');
const status = document.querySelector<HTMLSelectElement>('#status');
const example = document.querySelector<HTMLElement>('[data-example]');

if (editor && kind && example) {
  const filled = () => substitute(editor.value, EXAMPLE_VALUES).text;
  const refresh = watchWording(editor, () => ({
    body: filled(),
    audience: kind.value === 'internal' ? 'internal' : 'public',
    status: status?.value === 'resolved' ? 'resolved' : undefined,
  }));
  editor.addEventListener('input', () => {
    example.textContent = filled();
  });
  kind.addEventListener('change', refresh);
  status?.addEventListener('change', refresh);

  for (const code of document.querySelectorAll<HTMLElement>('[data-insert]')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'link';
    button.textContent = code.textContent;
    button.addEventListener('click', () => insertText(editor, code.dataset.insert as string));
    code.replaceChildren(button);
  }
}
