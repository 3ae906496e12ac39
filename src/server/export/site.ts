import type { Logger } from 'pino';
import type { Config } from '#config';
import { listPublicPaths } from '#services/publicPaths.ts';
import type { Foghorn } from '../../foghorn.ts';
import { type Answer, headerOf } from '../answer.ts';
import { createPages } from '../astro.ts';
import { forEveryone } from '../cache/pageCache.ts';
import { isShared } from '../cache/paths.ts';
import { makeSendable, type Sendable } from '../cache/sendable.ts';
import { unavailablePage } from '../fallback.ts';
import { basePath, placed, withoutBase } from '../place.ts';
import { secured } from '../security.ts';
import { createShared } from '../shared.ts';
import { clientFolder, loadStaticFiles } from '../staticFiles.ts';

/** One file of the exported site, and what the server says of it. */
export type Exported = { path: string; file: string; sendable: Sendable };

/** The public site of this process, to be written down. */
export type Site = {
  /** Everything that is the same for everyone, and the pages for what is not there. Reads many times: give it a snapshot. */
  answers: (foghorn: Foghorn) => AsyncGenerator<Exported>;
};

/** Where what the export itself knows lies: the list of its files, and what nginx is to say of them. */
export const OWN_FOLDER = '.foghorn-export';
export const NOT_FOUND = '404.html';
export const UNAVAILABLE = '503.html';
export const API_NOT_FOUND = `${OWN_FOLDER}/api-404.json`;

const ASSETS = '/_astro/';

export function createSite({ siteUrl, languages }: Pick<Config, 'siteUrl' | 'languages'>, log: Logger): Site {
  const pages = createPages(siteUrl, languages, log);
  const render = createShared(pages, siteUrl);
  const finish = (answer: Answer, path: string) => placed(secured(answer, path, siteUrl), basePath(siteUrl));
  const files = loadStaticFiles(clientFolder(), finish);

  /** What stands there for everyone. @throws when it could not be made, so that nothing of a fault is ever written down */
  async function ask(foghorn: Foghorn, path: string): Promise<Answer> {
    const answer = await render(foghorn, path);
    if (answer.status >= 500) throw new Error(`${path} answered ${answer.status}.`);
    return isShared(path) || path === '/404' ? forEveryone(answer) : answer;
  }

  return {
    async *answers(foghorn) {
      const { paths } = await listPublicPaths(foghorn.contextFor({ kind: 'visitor' }));
      // Grows by what the pages link to: months without incidents, say.
      const wanted = new Set([...paths, '/robots.txt']);
      // The scripts of the admin lie beside those of the pages: only what a page or another script names is taken.
      const assets = new Set<string>();
      for (const path of wanted) {
        const answer = await ask(foghorn, path);
        if (answer.status !== 200) {
          if (path === '/') throw new Error(`The page answered ${answer.status}.`);
          continue;
        }
        const html = isHtml(answer);
        if (html) for (const link of sharedLinks(answer, siteUrl)) wanted.add(link);
        for (const asset of assetsIn(answer)) assets.add(asset);
        yield { path, file: fileOf(path, html), sendable: makeSendable(answer) };
      }
      for (const asset of assets) {
        const sendable = files.get(asset);
        if (!sendable) continue;
        for (const another of assetsIn(sendable.answer)) assets.add(another);
        yield { path: asset, file: asset.slice(1), sendable };
      }
      for (const [path, sendable] of files)
        if (!path.startsWith(ASSETS)) yield { path, file: path.slice(1), sendable };
      const kept = (path: string, file: string, answer: Answer) => ({
        path,
        file,
        sendable: makeSendable(answer),
      });
      yield kept('/404', NOT_FOUND, await ask(foghorn, '/404'));
      yield kept('/503', UNAVAILABLE, finish(unavailablePage(), '/'));
      yield kept('/api/404', API_NOT_FOUND, await ask(foghorn, '/api/v2/nothing.json'));
    },
  };
}

/** A page has a folder of its own, so that any server of files finds it at its address. */
function fileOf(path: string, html: boolean): string {
  if (path === '/') return 'index.html';
  return html ? `${path.slice(1)}/index.html` : path.slice(1);
}

function assetsIn(answer: Answer): string[] {
  const type = headerOf(answer, 'content-type') ?? '';
  if (!/html|javascript|css/.test(type)) return [];
  const names = answer.body
    .toString('utf8')
    .matchAll(/(?:\/_astro|\.)\/([\w.-]+\.(?:js|mjs|css|woff2|svg|png))/g);
  return [...names].map(([, name]) => ASSETS + name);
}

function isHtml(answer: Answer): boolean {
  return headerOf(answer, 'content-type')?.startsWith('text/html') ?? false;
}

function sharedLinks(answer: Answer, siteUrl: string): string[] {
  const html = answer.body.toString('utf8');
  return [...html.matchAll(/\bhref="([^"#?]+)/g)]
    .map(([, target = '']) =>
      target.startsWith(`${siteUrl}/`)
        ? target.slice(siteUrl.length)
        : withoutBase(target, basePath(siteUrl)),
    )
    .filter(isShared);
}
