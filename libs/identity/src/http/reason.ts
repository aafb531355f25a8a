import type { IncomingHttpHeaders } from 'node:http';
import { MAX_REASON_CHARS, reasonSchema } from '@fornax/contracts';
import { Invalid } from '@fornax/base';

/** Why somebody asks for a change: percent-encoded UTF-8, because a header holds no more than ASCII. */
export const REASON_HEADER_NAME = 'Fornax-Reason';
const REASON_HEADER = REASON_HEADER_NAME.toLowerCase();

/** Encoded, a character takes up to twelve. */
const MAX_HEADER_CHARS = MAX_REASON_CHARS * 12;

const invalid = (message: string): Invalid => new Invalid(`Fornax-Reason ${message}`, { code: 'bad-reason' });

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('is not percent-encoded UTF-8');
  }
};

/** The reason that a request gives in its header; undefined when it gives none. @throws Invalid it is too long or cannot be shown on one line */
export const reasonOf = (headers: IncomingHttpHeaders): string | undefined => {
  const value = headers[REASON_HEADER];
  const text = (Array.isArray(value) ? value.join(', ') : (value ?? '')).trim();
  if (text === '') return undefined;
  if (!/^[\x20-\x7e]*$/.test(text)) throw invalid('must be percent-encoded where it is not ASCII');
  if (text.length > MAX_HEADER_CHARS) throw invalid(`has at most ${MAX_REASON_CHARS} characters`);
  const { data, error } = reasonSchema.safeParse(decoded(text));
  if (error) throw invalid(error.issues[0]?.message ?? 'cannot be used');
  return data === '' ? undefined : data;
};

/** The same of a request whose body has a field for it as well, of `reasonSchema`; the field counts. @throws Invalid the header cannot be used */
export const reasonIn = (
  body: { readonly reason?: string | null | undefined } | null | undefined,
  headers: IncomingHttpHeaders,
): string | undefined => {
  const ofHeader = reasonOf(headers);
  const ofBody = body?.reason ?? '';
  return ofBody === '' ? ofHeader : ofBody;
};
