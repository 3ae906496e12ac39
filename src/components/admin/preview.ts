/** What an update will look like, for the pane beside the form. */
export type PreviewView = {
  /** The mail as a page of its own; the same path with `.json` gives the rest. */
  url: string;
  /** How many people will be mailed for it. */
  told: number;
  /** How many of them at once. */
  atOnce: number;
  /** When the others are told of it: "12 at 16:30 UTC, 40 in the mail of the day"; '' for none. */
  later: string;
  /** Audiences and accounts that it will reach, each with how many; '' for none. */
  audiences: string;
  subject: string;
  text: string;
  /** The update as the public page has it: sanitised by the renderer. */
  pageHtml: string;
  /** Why there is nothing to see yet, in words. */
  problems: readonly string[];
};
