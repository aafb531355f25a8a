/**
 * How a key of ours is spelled on the S3 service below. Servers that keep objects as files follow `..` out of a bucket, take `a//b` for `a/b`,
 * and cannot hold `a` beside `a/b`; some list `%` and `+` unescaped to clients that unescape them; XML cannot carry control characters.
 * So no key is sent as it is, but in a spelling that
 *
 * - has no empty, `.` or `..` segment, no character up to `+` but `!`, and none that XML forbids,
 * - ends a key in `!`, which no folder ends in, so that an object and a folder never have the same name,
 * - sorts as the keys do, byte by byte, and keeps `/` where it is: pages, prefixes and rolled-up folders stay the server's work.
 *
 * Characters up to `+` become `!` and two hex digits; U+FFFD to U+FFFF become U+FFFD and a digit; at the start of a segment `.` becomes `.0`,
 * and a `/` (an empty segment) becomes `.1/`.
 */
const END = '!';

const escaped = (text: string): string =>
  text
    .replace(/[\u0000-+]/g, (low) => `!${low.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/[\ufffd-\uffff]/g, (high) => `\ufffd${high.charCodeAt(0) - 0xfffd}`);

const segment = (text: string): string => (text.startsWith('.') ? `.0${escaped(text.slice(1))}` : escaped(text));

/** The spelling of what a key begins with; of a whole key when it is followed by `END`. */
export const wirePrefix = (prefix: string): string => {
  const segments = prefix.split('/');
  const last = segments.pop() ?? '';
  return [...segments.map((text) => (text === '' ? '.1' : segment(text))), segment(last)].join('/');
};

export const wireKey = (key: string): string => `${wirePrefix(key)}${END}`;

const unescaped = (text: string): string =>
  text
    .replace(/!([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/\ufffd([0-2])/g, (_, digit: string) => String.fromCharCode(0xfffd + Number(digit)));

/** The key or prefix that was spelled so. */
export const fromWire = (wire: string): string =>
  (wire.endsWith(END) ? wire.slice(0, -END.length) : wire)
    .split('/')
    .map((text) => (text === '.1' ? '' : unescaped(text.startsWith('.0') ? `.${text.slice(2)}` : text)))
    .join('/');
