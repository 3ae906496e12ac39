/**
 * Staying fresh. Most visitors read and go, so this is fetched by pages that are open for half a minute (live.ts). Browsers get it as one
 * file with marks.ts: no name at the top stands in both.
 */
let turns = 0;
/** Whom the keys are with. */
let held: Element | null;

/** What the page knows of its parts: as the server wrote them, by id, and what the reader folded or unfolded. */
type Known = {
  seen: Record<string, string>;
  chosen: ReadonlySet<unknown>;
  /** Shows the times in the reader's zone. */
  zones: (root: ParentNode) => void;
};

/** @returns whether the page is right now; nothing when it was asked again meanwhile, for that answer is the newer one. */
export const renew = async (known: Known): Promise<boolean | undefined> => {
  const turn = ++turns;
  try {
    // Conditional: an unchanged page comes back as a 304 of a few bytes.
    const answer = await fetch(location.pathname, {
      cache: 'no-cache',
      signal: AbortSignal.timeout?.(15_000),
    });
    if (!answer.ok) throw 0;
    const text = await answer.text();
    if (turn !== turns) return;
    show(new DOMParser().parseFromString(text, 'text/html'), known);
    return true;
  } catch {
    return turn === turns ? false : undefined;
  }
};

const show = (fresh: Document, known: Known) => {
  const news = newsIn(fresh, known);
  for (const part of fresh.querySelectorAll('div[id]')) {
    const own = document.getElementById(part.id);
    const html = part.innerHTML;
    if (!own || known.seen[part.id] === html) continue;
    known.seen[part.id] = html;
    known.zones(part);
    held = document.activeElement;
    const kept = held?.innerHTML;
    become(own, part, known);
    refocus(own);
    // What it says of its days may be another, or stand elsewhere.
    if (held?.matches('.h') && kept !== held.innerHTML)
      held.dispatchEvent(new FocusEvent('focusin', { bubbles: true }));
  }
  if (news) tellNews(news);
  document.title = fresh.title;
  const icon = (root: Document) => root.querySelector<HTMLLinkElement>('[rel=icon]')!;
  icon(document).href = icon(fresh).href;
};

/** What was said since, in the words that the page has for it. Nothing when the line at the top is another: that is read aloud then. */
const newsIn = (fresh: Document, { seen, zones }: Known) => {
  if (fresh.getElementById('now')?.innerHTML !== seen.now) return '';
  const nameOfLine = (line: Element) =>
    line.className + [...line.querySelectorAll('time')].map((time) => time.dateTime);
  const before = new Set([...document.querySelectorAll('.st')].map(nameOfLine));
  return [...fresh.querySelectorAll('.st')]
    .filter((line) => !before.has(nameOfLine(line)))
    .map((line) => {
      const copy = line.cloneNode(true) as Element;
      zones(copy);
      const title = line.closest('article')?.querySelector('h2, h3');
      return [title, copy].map((each) => each?.textContent.replace(/\s+/g, ' ').trim()).filter(Boolean);
    })
    .map((words) => words.join(': '))
    .join('. ');
};

/** For those who listen: all others see it where it stands. */
const tellNews = (news: string) => {
  const status = document.getElementById('now')!;
  const line = status.querySelector('.skip') ?? status.appendChild(document.createElement('p'));
  line.className = 'skip';
  line.textContent = news;
};

/** Makes `own` say what `fresh` says. What is in both stays what it is, with its focus and what is selected in it. */
const become = (own: Element, fresh: Element, known: Known) => {
  // The script has made these a tab stop that says its days.
  const isMarks = own.matches('.h');
  for (const { name } of [...own.attributes])
    if (!fresh.hasAttribute(name) && !isMarks && name !== 'open') own.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (own.getAttribute(name) !== value && !(isMarks && name === 'role') && name !== 'open')
      own.setAttribute(name, value);
  const pairs = pairsOf(own, fresh);
  const kept = new Set(pairs.map(([node]) => node));
  for (const node of [...own.childNodes]) if (!kept.has(node)) node.remove();
  let place = own.firstChild;
  for (const [node, wanted] of pairs) {
    if (node && node === place) place = node.nextSibling;
    else own.insertBefore(node ?? document.importNode(wanted, true), place);
    if (node instanceof Element) become(node, wanted as Element, known);
    else if (node && node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
  }
  // What somebody is in does not fold under them.
  if (own instanceof HTMLDetailsElement && !known.chosen.has(own))
    own.open = (fresh as HTMLDetailsElement).open || (own.open && own.contains(held));
};

/** What is to stand there, in order, each with the node that is the same and stands there already. */
const pairsOf = (own: Element, fresh: Element): [own: ChildNode | null, wanted: ChildNode][] => {
  const left = [...own.childNodes];
  return [...fresh.childNodes].map((wanted) => {
    const name = identity(wanted);
    const at = left.findIndex((node) => identity(node) === name);
    return [at < 0 ? null : (left.splice(at, 1)[0] as ChildNode), wanted];
  });
};

/** What tells an element from others of its kind, where it is neither its own id nor where it leads. */
const TOLD_BY: Record<string, string> = { DETAILS: 'h3', LI: '.st time, a', ARTICLE: 'a', DD: 'a' };

/** Two nodes are the same when they are about the same: a group by its name, an update by its time, a component by its page. */
const identity = (node: ChildNode) => {
  if (!(node instanceof Element)) return node.nodeName;
  const by = TOLD_BY[node.nodeName];
  const teller = by ? node.querySelector(by) : null;
  const about =
    node.id ||
    node.getAttribute('href') ||
    (teller?.getAttribute('datetime') ?? teller?.getAttribute('href') ?? teller?.textContent);
  return `${node.nodeName} ${about}`;
};

/** Gives back the focus that a renewed part lost: to what leads to the same place, or else to the part. */
const refocus = (part: HTMLElement) => {
  if (!held || held === document.activeElement) return;
  const href = held.getAttribute('href');
  const same = held.isConnected
    ? held
    : [...part.querySelectorAll(':any-link')].find((link) => link.getAttribute('href') === href);
  if (!same) part.tabIndex = -1;
  ((same as HTMLElement | undefined) ?? part).focus({ preventScroll: true });
};
