import { isUuid } from '@fornax/contracts';

/** Whether a text can be an id or a shortname; anything else names nothing, and need not be asked for. */
export const isIdOrName = (text: string): boolean => /^[A-Za-z0-9-]{1,255}$/.test(text);

/** Whether a text is an id in either case; shortnames from before may look like one, too. */
export const isId = isUuid;
