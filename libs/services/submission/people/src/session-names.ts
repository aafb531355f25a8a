/** Names by which people know sessions and links among their tokens, and by which those are told from tokens that people make. */
export const SESSION_NAMES = { session: 'session of a browser', link: 'link that signs in' } as const;

const ALL: readonly string[] = Object.values(SESSION_NAMES);

/** Whether a token of this name is a session or a link: no other token may be called so. */
export const isSessionName = (name: string): boolean => ALL.includes(name);
