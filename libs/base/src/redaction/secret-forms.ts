/** Shorter values are in too much that is no secret. In bytes of UTF-8, without white space around them. */
const SHORTEST_REDACTED_BYTES = 8;
/** Encoded forms of all values together: each byte of them costs 21 bytes of memory for as long as the instance runs. */
const MOST_ENCODED_BYTES = 524_288;

/** As it stands inside of a longer text in base64, by how many bytes come before it in its group of three: without the letters that it shares with its neighbors. */
const inBase64 = (value: Buffer): readonly string[] =>
  [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), value])
      .toString('base64')
      .replaceAll('=', '');
    return text.slice([0, 2, 3][before], (before + value.length) % 3 === 0 ? undefined : -1);
  });

const urlEncoded = (text: string): string => encodeURIComponent(text.toWellFormed());

const encodedFormsOf = (text: string): readonly string[] => {
  const base64 = inBase64(Buffer.from(text));
  const url = urlEncoded(text);
  return [
    ...base64,
    ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()),
    // As a form has it (application/x-www-form-urlencoded), in which more is escaped.
    new URLSearchParams([['', text]]).toString().slice(1),
    JSON.stringify(text).slice(1, -1),
  ];
};

/**
 * The texts by which secrets are recognized: each value without white space around it, and as long as all of these take no more than half a megabyte, shortest values
 * first, its base64 (RFC 4648, both alphabets, wherever in it), its URL encoding and its text in JSON. None for a value of less than 8 bytes.
 */
export const formsOfSecrets = (secrets: readonly string[]): readonly Buffer[] => {
  const values = [...new Set(secrets.map((secret) => secret.trim()))]
    .filter((value) => Buffer.byteLength(value) >= SHORTEST_REDACTED_BYTES)
    .sort((one, other) => one.length - other.length);
  const forms = new Set(values);
  let left = MOST_ENCODED_BYTES;
  for (const value of values) {
    const encoded = encodedFormsOf(value);
    left -= encoded.reduce((sum, form) => sum + Buffer.byteLength(form), 0);
    if (left < 0) break;
    for (const form of encoded) forms.add(form);
  }
  return [...forms].map((form) => Buffer.from(form));
};
