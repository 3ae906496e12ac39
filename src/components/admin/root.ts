/** The address of something of ours, by its path: the page may share its host with others, below a path that the server writes into it. */
export function at(path: string): string {
  return (document.documentElement.dataset.root ?? '/') + path.slice(1);
}
