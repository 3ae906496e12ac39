/** Who may see the public page: anyone, whoever knows its password, or whoever has an account and is signed in. */
export const ACCESS_MODES = ['everyone', 'password', 'signIn'] as const;
export type AccessMode = (typeof ACCESS_MODES)[number];

/** `passwordHash` is that of the page's own password; null while there is none. */
export type PageAccess = { mode: AccessMode; passwordHash: string | null };

export const FOR_EVERYONE: PageAccess = { mode: 'everyone', passwordHash: null };
