import { z } from 'zod';
import { MAX_REASON_CHARS } from '../events/commit.js';

/** Control characters, line and paragraph separators, and what turns the direction of text. */
const NOT_ON_ONE_LINE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Why somebody asks for a change, in the header `Fornax-Reason` or in a body: one line, read by everybody as it was written. */
export const reasonSchema = z
  .string()
  .trim()
  .max(MAX_REASON_CHARS, `has at most ${MAX_REASON_CHARS} characters`)
  .refine((text) => !NOT_ON_ONE_LINE.test(text), 'must be one line without control characters')
  .refine((text) => text.isWellFormed(), 'holds half of a character (a lone surrogate)');
