import { ApiError } from '@fornax/client';
import { UsageError } from './connection.js';
import type { OpenDocument } from './job-file.js';

const textsOf = (errors: object): readonly (readonly [string, string])[] =>
  Object.entries(errors).flatMap(([place, texts]) =>
    (Array.isArray(texts) ? texts : [texts]).map((text) => [place, String(text)] as const),
  );

/** What is wrong with a document, by its lines; the error itself where it says nothing of places. */
export const inLines = (error: unknown, file: string, { lineOf }: OpenDocument): unknown => {
  if (!(error instanceof ApiError) || error.status !== 400) return error;
  const { body } = error;
  const errors = typeof body === 'object' && body !== null && 'errors' in body ? body.errors : undefined;
  if (typeof errors !== 'object' || errors === null) return error;
  const lines = textsOf(errors).map(([place, text]) => `${file}:${lineOf(place) ?? 1}: ${place}: ${text}`);
  return lines.length === 0 ? error : new UsageError(lines.join('\n'));
};
