/** Public ids: 12 characters of [a-z0-9]. Imported ids are kept as they are, so a reader accepts a little more. */
export type PublicId = string;

/** True for anything that may stand as an id in a path: it can hold no slash, dot or percent sign. */
export function isPublicId(text: string): text is PublicId {
  return /^[a-z0-9][a-z0-9_-]{0,39}$/i.test(text);
}
