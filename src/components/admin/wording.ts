import { type HintInput, hintsFor, wordingSummary } from '#domain/hints.ts';
import { whenReleased } from './released.ts';

/**
 * Keeps the hints under an editor live: at once when the text is left, else when typing pauses. A hint about certain words
 * is a button that selects them.
 */
export function watchWording(editor: HTMLTextAreaElement, input: () => HintInput): () => void {
  const place = document.querySelector<HTMLElement>(`[data-wording="${editor.id}"]`);
  const list = place?.querySelector('[data-hints]');
  const summary = place?.querySelector('[data-summary]');
  if (!list || !summary) return () => undefined;
  let shown = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = () => {
    clearTimeout(timer);
    whenReleased(render);
  };
  const render = () => {
    const said = input();
    summary.textContent = wordingSummary(said);
    const hints = hintsFor(said);
    const key = JSON.stringify(hints);
    if (key === shown) return;
    shown = key;
    list.replaceChildren(
      ...hints.map(({ message, start, end }) => {
        const item = document.createElement('li');
        if (start === undefined || end === undefined) item.textContent = message;
        else item.append(pointer(editor, message, start, end));
        return item;
      }),
    );
  };
  editor.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(show, 400);
  });
  show();
  return show;
}

function pointer(editor: HTMLTextAreaElement, message: string, start: number, end: number): HTMLElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'link';
  button.textContent = message;
  button.addEventListener('click', () => {
    editor.focus();
    editor.setSelectionRange(start, end);
  });
  return button;
}

/** Puts text where the cursor is, as typing would: undo works and listeners hear of it. */
export function insertText(editor: HTMLTextAreaElement, text: string): void {
  editor.focus();
  // Old, and the only way to insert that undo knows of.
  if (!(document as unknown as Typing).execCommand('insertText', false, text))
    editor.setRangeText(text, editor.selectionStart, editor.selectionEnd, 'end');
  editor.dispatchEvent(new Event('input', { bubbles: true }));
}

type Typing = { execCommand(command: 'insertText', showUi: boolean, text: string): boolean };
