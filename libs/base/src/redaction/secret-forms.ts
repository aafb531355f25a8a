import { isUtf8 } from 'node:buffer';

import { type Pieces, whole } from '../progress/pieced-work.js';

/** Text, or bytes that need not be any. */
export type SecretValue = string | Uint8Array;

/** Shorter values are in too much that is no secret. In bytes, without white space around them. */
export const SHORTEST_REDACTED_BYTES = 8;
/** Encoded forms of all values together: each byte of them costs 25 bytes of memory for as long as the instance runs. */
const MOST_ENCODED_BYTES = 524_288;

/** As it stands inside of a longer text in base64, by how many bytes come before it in its group of three: without the letters that it shares with its neighbors. */
const inBase64 = (value: Buffer): readonly string[] =>
  [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), value])
      .toString('base64')
      .replaceAll('=', '');
    return text.slice([0, 2, 3][before], (before + value.length) % 3 === 0 ? undefined : -1);
  });

/** Only what every encoder leaves as it is stands for itself. */
const inUrl = (value: Buffer): string =>
  [...value]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[\w.~-]/.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

const lowerCased = (url: string): string => url.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());

const formsOfText = (text: string): readonly string[] => {
  const url = encodeURIComponent(text);
  // As a form has it (application/x-www-form-urlencoded), in which more is escaped.
  const form = new URLSearchParams([['', text]]).toString().slice(1);
  return [url, lowerCased(url), form, lowerCased(form), JSON.stringify(text).slice(1, -1)];
};

const encodedFormsOf = (value: Buffer): readonly string[] => {
  const base64 = inBase64(value);
  const url = inUrl(value);
  // As in a path, which keeps its slashes.
  const path = url.replaceAll('%2F', '/');
  return [
    ...base64,
    ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
    ...[url, path].flatMap((one) => [one, lowerCased(one)]),
    ...(isUtf8(value) ? formsOfText(value.toString()) : []),
  ];
};

/** Those that are equal once. */
const each = (all: readonly Buffer[]): readonly Buffer[] => [
  ...new Map(all.map((one) => [one.toString('latin1'), one])).values(),
];

const trimmed = (value: SecretValue): Buffer => {
  if (typeof value === 'string') return Buffer.from(value.trim());
  return isUtf8(value) ? Buffer.from(Buffer.from(value).toString().trim()) : Buffer.from(value);
};

/**
 * The texts by which secrets are recognized: each value without white space around it, and as long as all of these take no more than half a megabyte, shortest values
 * first, its base64 (RFC 4648, both alphabets, wherever in it), its URL encoding and its text in JSON. None for a value of less than 8 bytes.
 */
export function* formsInPieces(secrets: readonly SecretValue[]): Pieces<readonly Buffer[]> {
  const values = each(secrets.map(trimmed))
    .filter(({ length }) => length >= SHORTEST_REDACTED_BYTES)
    .toSorted((one, other) => one.length - other.length);
  const forms = [...values];
  let left = MOST_ENCODED_BYTES;
  for (const value of values) {
    // Its base64 alone has as much, in three ways: it is not worked out for nothing.
    if (4 * value.length > left) break;
    const encoded = each(encodedFormsOf(value).map((form) => Buffer.from(form)));
    left -= encoded.reduce((sum, { length }) => sum + length, 0);
    if (left < 0) break;
    forms.push(...encoded);
    yield;
  }
  return each(forms);
}

/** The same, at once. */
export const formsOfSecrets = (secrets: readonly SecretValue[]): readonly Buffer[] => whole(formsInPieces(secrets));
