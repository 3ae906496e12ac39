import { type Problems, parseForm, problemsFrom, textOf } from '#components/admin/forms.ts';
import type { Ctx } from '#db/context.ts';
import type { PasteReport } from '#services/audienceMembers.ts';
import {
  addChat,
  addMember,
  chatInput,
  memberInput,
  pasteMembers,
  removeMember,
} from '#services/audiences.ts';

/** What was typed in the forms about people, and what came of it. */
export type PeopleState = {
  person: { address: string; name: string };
  chat: { channel: string; url: string; name: string; owner: string };
  lines: string;
  report: PasteReport | null;
  problems: Problems;
};

export const NO_PEOPLE_STATE: PeopleState = {
  person: { address: '', name: '' },
  chat: { channel: 'slack', url: '', name: '', owner: '' },
  lines: '',
  report: null,
  problems: [],
};

export const PEOPLE_DONE = {
  added: 'Added.',
  pasted: 'Everyone of the list is in.',
  chat: 'The chat is added.',
  removed: 'Removed.',
};

/**
 * Does what a form about the people of an audience or account asks.
 * @returns null when the form is about something else; `done` when it was done with
 */
export async function actOnPeople(
  ctx: Ctx,
  groupId: string,
  form: FormData,
): Promise<PeopleState | { done: keyof typeof PEOPLE_DONE } | null> {
  const state = { ...NO_PEOPLE_STATE };
  const remove = textOf(form, 'remove');
  try {
    if (remove) {
      await removeMember(ctx, groupId, remove);
      return { done: 'removed' };
    }
    switch (textOf(form, 'do')) {
      case 'add': {
        state.person = { address: textOf(form, 'address'), name: textOf(form, 'person') };
        const { data, problems } = parseForm(memberInput, state.person);
        state.problems = renamed(problems, { name: 'person' });
        if (!data) return state;
        await addMember(ctx, groupId, data);
        return { done: 'added' };
      }
      case 'chat': {
        state.chat = {
          channel: textOf(form, 'channel'),
          url: textOf(form, 'url'),
          name: textOf(form, 'chatName'),
          owner: textOf(form, 'owner'),
        };
        const { data, problems } = parseForm(chatInput, state.chat);
        state.problems = renamed(problems, { name: 'chatName' });
        if (!data) return state;
        await addChat(ctx, groupId, data);
        return { done: 'chat' };
      }
      case 'paste': {
        state.lines = textOf(form, 'lines');
        state.report = await pasteMembers(ctx, groupId, state.lines);
        if (!state.report.bad.length) return { done: 'pasted' };
        // What could be read is in: only the others are left to be mended.
        state.lines = state.report.bad.map(({ text }) => text).join('\n');
        state.problems = [
          {
            field: 'lines',
            message:
              state.report.bad.length === 1
                ? 'One line could not be read. It stands below.'
                : `${state.report.bad.length.toLocaleString('en')} lines could not be read. They stand below.`,
          },
        ];
        return state;
      }
      default:
        return null;
    }
  } catch (error) {
    state.problems = problemsFrom(error);
    return state;
  }
}

/** The page has other forms, with fields called so. */
function renamed(problems: Problems, names: Record<string, string>): Problems {
  return problems.map(({ field, message }) => ({ field: names[field] ?? field, message }));
}
