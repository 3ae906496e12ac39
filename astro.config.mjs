import node from '@astrojs/node';
import { defineConfig } from 'astro/config';

const SERVER_ENTRY = new URL('./src/server/main.ts', import.meta.url).pathname;

/** Makes our own process entry the entry of the server bundle, so that server, pages and dispatcher share their modules. */
const ownEntry = {
  name: 'foghorn-own-entry',
  enforce: 'post',
  config: () => ({
    environments: { ssr: { build: { rolldownOptions: { input: { index: SERVER_ENTRY } } } } },
  }),
};

/** Under `astro dev` ours does not run, which takes the language out of an address before routes see it. */
const devLanguages = {
  name: 'foghorn-dev-languages',
  configureServer: (server) => {
    server.middlewares.use((request, _response, next) => {
      const [, locale, rest] = /^\/(en|de|ar|en-XA)((?:[/?].*)?)$/.exec(request.url) ?? [];
      delete request.headers['x-foghorn-locale'];
      if (locale) {
        request.url = rest.startsWith('/') ? rest : `/${rest}`;
        request.headers['x-foghorn-locale'] = locale;
      }
      next();
    });
  },
};

export default defineConfig({
  output: 'server',
  adapter: node({ mode: 'middleware' }),
  // One address a page: the other spelling is redirected, so it never makes a second entry in the page cache.
  trailingSlash: 'never',
  // The stylesheet travels in the page: the first round trip shows it (DESIGN, promise 5).
  build: { inlineStylesheets: 'always' },
  // Unlike 'jsx', keeps the space between inline elements on separate lines.
  compressHTML: true,
  // Lucia keeps the sessions; Astro's own, with their storage, are not wanted.
  session: false,
  image: { endpoint: { entrypoint: './src/server/noImages.ts' } },
  // Nothing is highlighted; Shiki would need inline styles, which the CSP forbids.
  markdown: { syntaxHighlight: false },
  security: {
    // Ours in src/middleware.ts replaces it: it covers JSON too and reads Sec-Fetch-Site.
    checkOrigin: false,
    // Astro adds the hashes of its styles and scripts; the server narrows them to those in the page and adds frame-ancestors.
    csp: {
      directives: [
        "default-src 'none'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
      ],
    },
  },
  vite: { plugins: [ownEntry, devLanguages] },
});
