import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A page of another origin, whose Content-Security-Policy allows of ours no more than it must. */
export type HostPage = {
  url: string;
  /** What stands on it from now on; `lang` is the page's own language. */
  hold: (body: string, lang?: string) => void;
  close: () => void;
};

export async function startHostPage(ours: string): Promise<HostPage> {
  const csp = [
    "default-src 'none'",
    `script-src ${ours}`,
    `connect-src ${ours}`,
    `frame-src ${ours}`,
    `img-src ${ours}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
  let html = '';
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': csp });
    response.end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    hold: (body, lang = 'en') => {
      html = `<!doctype html><html lang="${lang}"><meta name="viewport" content="width=device-width"><title>Our shop</title><main><h1>Our shop</h1>${body}</main>`;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
