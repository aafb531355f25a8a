/** Whether a text can be an id or a shortname; anything else names nothing, and need not be asked for. */
export const isIdOrName = (text: string): boolean => /^[A-Za-z0-9-]{1,255}$/.test(text);

/** Whether a text is an id in either case; a shortname may look like one, too. */
export const isId = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
