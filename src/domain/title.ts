/** "Checkout is failing (EU only)": the title with where it is felt, unless the title says so itself. */
export function titleWithScope(title: string, scope: string | null): string {
  const bare = title.trim();
  if (!scope || bare.toLowerCase().includes(scope.trim().toLowerCase())) return bare;
  return `${bare.replace(/[.\s]+$/, '')} (${scope.trim()})`;
}

/** The title alone, of one that titleWithScope has written. */
export function titleWithoutScope(title: string, scope: string | null): string {
  const end = ` (${scope})`;
  return scope && title.endsWith(end) && title.length > end.length ? title.slice(0, -end.length) : title;
}
