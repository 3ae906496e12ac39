const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** The Host values under which this process answers: SITE_URL's own and, while it listens on loopback alone, the loopback names. */
export function knownHosts(options: { siteUrl: string; listensOn: string; port: number }): Set<string> {
  const site = new URL(options.siteUrl);
  const defaultPort = site.protocol === 'https:' ? 443 : 80;
  const hosts = new Set([site.host, site.port ? site.host : `${site.hostname}:${defaultPort}`]);
  if (isLoopbackName(options.listensOn)) {
    for (const name of LOOPBACK) {
      hosts.add(`${name}:${options.port}`);
      if (options.port === 80) hosts.add(name);
    }
  }
  return hosts;
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
