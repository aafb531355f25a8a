import type { IncomingHttpHeaders } from 'node:http';
import { MAX_REASON_CHARS } from '@fornax/contracts';
import { Invalid } from '../errors/errors.js';

/** Why somebody asks for a change: percent-encoded UTF-8, because a header holds no more than ASCII. */
export const REASON_HEADER_NAME = 'Fornax-Reason';
const REASON_HEADER = REASON_HEADER_NAME.toLowerCase();

/** Encoded, a character takes up to twelve. */
const MAX_HEADER_CHARS = MAX_REASON_CHARS * 12;
/** Control characters, line and paragraph separators, and what turns the direction of text: a reason is one line, read as it was written. */
const UNREADABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

const invalid = (message: string): Invalid => new Invalid(`Fornax-Reason ${message}`, { code: 'bad-reason' });

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('is not percent-encoded UTF-8');
  }
};

/** The reason that a request gives; undefined when it gives none. @throws Invalid it is too long or cannot be shown on one line */
export const reasonOf = (headers: IncomingHttpHeaders): string | undefined => {
  const value = headers[REASON_HEADER];
  const text = (Array.isArray(value) ? value.join(', ') : (value ?? '')).trim();
  if (text === '') return undefined;
  if (!/^[\x20-\x7e]*$/.test(text)) throw invalid('must be percent-encoded where it is not ASCII');
  if (text.length > MAX_HEADER_CHARS) throw invalid(`has at most ${MAX_REASON_CHARS} characters`);
  const reason = decoded(text).trim();
  if (reason.length > MAX_REASON_CHARS) throw invalid(`has at most ${MAX_REASON_CHARS} characters`);
  if (UNREADABLE.test(reason)) throw invalid('must be one line without control characters');
  return reason === '' ? undefined : reason;
};
