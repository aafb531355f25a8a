/** What a JSON text may hold, told before it is parsed. */
export interface JsonBounds {
  /** Arrays and objects inside each other. */
  readonly depth: number;
  /** Values of any kind, containers included. */
  readonly values: number;
}

const QUOTE = 0x22;
const PLUS = 0x2b;
const POINT = 0x2e;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_E = 0x65;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** No number that means something is longer; parsing time of a number grows with its length. */
const MAX_NUMBER_LENGTH = 400;

const isNumberPart = (byte: number): boolean =>
  (byte >= ZERO && byte <= NINE) || byte === MINUS || byte === PLUS || byte === POINT || (byte | 0x20) === LOWER_E;

const endOfString = (bytes: Uint8Array, start: number): number => {
  let at = start;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
};

const endOfNumber = (bytes: Uint8Array, start: number): number => {
  let at = start;
  while (at < bytes.length && isNumberPart(bytes[at] ?? 0)) at += 1;
  return at;
};

/** Only an exponent or hundreds of digits make a number one that cannot be held. */
const isTooLarge = (bytes: Uint8Array, start: number, end: number): boolean => {
  if (end - start > MAX_NUMBER_LENGTH) return true;
  const number = bytes.subarray(start, end);
  if (number.length < 300 && !number.some((byte) => (byte | 0x20) === LOWER_E)) return false;
  return Math.abs(Number(Buffer.from(number).toString('latin1'))) === Infinity;
};

/**
 * Looks for what would make parsing costly or its result useless, in one pass over the bytes and without recursion. Says nothing about
 * whether the text is JSON.
 * @returns what the text does wrong, to go on after its name ("holds more than …"); undefined when it does nothing
 */
export const scanJson = (bytes: Uint8Array, { depth, values }: JsonBounds): string | undefined => {
  let level = 0;
  let seen = 1;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) at = endOfString(bytes, at + 1);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      level += 1;
      seen += 1;
      if (level > depth) return `is nested deeper than ${depth} levels`;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) level -= 1;
    else if (byte === COMMA) seen += 1;
    else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      const end = endOfNumber(bytes, at + 1);
      if (isTooLarge(bytes, at, end)) return 'holds a number that is too large';
      at = end - 1;
    }
    if (seen > values) return `holds more than ${values} values`;
  }
  return undefined;
};
