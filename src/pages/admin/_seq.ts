/** A row's number from a path or a query; null for whatever else stands there, which no database need see. */
export function seqFrom(text: string | null | undefined): number | null {
  return /^[1-9]\d{0,14}$/.test(text ?? '') ? Number(text) : null;
}
