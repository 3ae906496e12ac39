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

export default defineConfig({
  output: 'server',
  adapter: node({ mode: 'middleware' }),
  security: { checkOrigin: false, csp: { directives: ["default-src 'self'"] } },
  vite: { plugins: [ownEntry] },
});
