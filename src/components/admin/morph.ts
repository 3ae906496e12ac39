/**
 * Makes `shown` say what `fresh` says, and leaves every element that is in both where and what it is: focus, a fold that someone opened
 * and what a screen reader reads stay. A link is never made to lead elsewhere: another one takes its place.
 */
export function morph(shown: Element, fresh: Element): void {
  const focused = document.activeElement;
  become(shown, fresh);
  if (!(focused instanceof HTMLElement) || focused === document.activeElement) return;
  const same = focused.isConnected ? focused : linkLike(focused, shown);
  // One that is gone for good leaves the keyboard where it stood: the next Tab goes on from there.
  same?.focus({ preventScroll: true });
}

function become(shown: Element, fresh: Element): void {
  for (const { name } of [...shown.attributes])
    if (!fresh.hasAttribute(name) && !isReaders(shown, name)) shown.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  const pairs = pairsOf(shown, fresh);
  const kept = new Set(pairs.map(([own]) => own));
  for (const own of [...shown.childNodes]) if (!kept.has(own)) own.remove();
  let place = shown.firstChild;
  for (const [own, wanted] of pairs) {
    if (own && own === place) place = own.nextSibling;
    else shown.insertBefore(own ?? document.importNode(wanted, true), place);
    if (own instanceof Element) become(own, wanted as Element);
    else if (own && own.nodeValue !== wanted.nodeValue) own.nodeValue = wanted.nodeValue;
  }
}

/** What is to stand there, in order, each with the node of the same kind and name that stands there already. */
function pairsOf(shown: Element, fresh: Element): [own: ChildNode | null, wanted: ChildNode][] {
  const left = [...shown.childNodes];
  return [...fresh.childNodes].map((wanted) => {
    const at = left.findIndex((own) => nameOf(own) === nameOf(wanted));
    return [at < 0 ? null : (left.splice(at, 1)[0] as ChildNode), wanted];
  });
}

function nameOf(node: ChildNode): string {
  if (!(node instanceof Element)) return node.nodeName;
  // In a list each is for itself: what stands beside others keeps its place among them.
  const own = node.nodeName === 'LI' ? node.getAttribute('data-open') : node.getAttribute('href');
  return `${node.nodeName} ${own}`;
}

/** What its reader does and not the server: folding. */
function isReaders(element: Element, attribute: string): boolean {
  return attribute === 'open' && element instanceof HTMLDetailsElement;
}

/** The link to the same place elsewhere in `shown`; where it is folded away, what unfolds it. */
function linkLike(link: HTMLElement, shown: Element): HTMLElement | null {
  const href = link.getAttribute('href');
  const found = [...shown.querySelectorAll<HTMLElement>('a[href]')].find(
    (one) => one.getAttribute('href') === href,
  );
  const fold = found?.closest('details:not([open])');
  return fold?.querySelector('summary') ?? found ?? null;
}
