/**
 * Where to go after signing in: a path on this page, else `fallback`. Refuses whatever a browser could read as another host
 * (`//evil`, `/\evil`, `https:`), what a proxy might decode into that or climb with (`%2f`, `%5c`, `..`), control characters, and the
 * sign-in pages themselves.
 */
export function safeNext(next: string | null | undefined, fallback = '/admin'): string {
  if (!next || next.length > 2_000 || !/^\/(?![/\\])[\x21-\x7e]*$/.test(next)) return fallback;
  const [path] = next.split(/[?#]/) as [string];
  if (path.includes('\\') || path.includes('//') || /%(2f|5c|2e|25|0|1)/i.test(path)) return fallback;
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return fallback;
  if (URL.parse(next, 'https://here.invalid')?.origin !== 'https://here.invalid') return fallback;
  return /^\/admin\/(login|logout|setup|join)(\/|$)/.test(path) ? fallback : next;
}
