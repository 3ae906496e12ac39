/** What an update will look like, for the pane beside the form. */
export type PreviewView = {
  /** The mail as a page of its own; the same path with `.json` gives the rest. */
  url: string;
  /** How many people it will reach. */
  told: number;
  /** Audiences and accounts that it will reach, each with how many; '' for none. */
  audiences: string;
  subject: string;
  text: string;
  /** The update as the public page has it: sanitised by the renderer. */
  pageHtml: string;
  /** Why there is nothing to see yet, in words. */
  problems: readonly string[];
};
