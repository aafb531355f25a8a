/** Reads one value, or says where and why it cannot be read. */
export type Reader<T> = (value: unknown, path: string) => T;

/** An answer that a client could not read. */
class Unreadable extends Error {
  constructor(path: string, what: string, value: unknown) {
    super(`${path}: ${what}, got ${JSON.stringify(value)?.slice(0, 200) ?? 'nothing'}`);
    this.name = 'Unreadable';
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text: Reader<string> = (value, path) => {
  if (typeof value !== 'string') throw new Unreadable(path, 'a string is needed', value);
  return value;
};

export const bool: Reader<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new Unreadable(path, 'a bool is needed', value);
  return value;
};

export const number: Reader<number> = (value, path) => {
  if (typeof value !== 'number') throw new Unreadable(path, 'a double is needed', value);
  return value;
};

const integerIn =
  (min: number, max: number): Reader<number> =>
  (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      throw new Unreadable(path, `an integer from ${min} to ${max} is needed`, value);
    return value;
  };
export const int32 = integerIn(-(2 ** 31), 2 ** 31 - 1);
export const uint32 = integerIn(0, 2 ** 32 - 1);
export const int64 = integerIn(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

/** What `strptime('%Y-%m-%dT%H:%M:%S(.%f)Z')` reads: UTC with Z, six digits at most. */
export const date: Reader<Date> = (value, path) => {
  const isDate = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/.test(value);
  if (!isDate) throw new Unreadable(path, 'a UTC date with Z and at most six digits is needed', value);
  return new Date(value);
};

/** A TimeSpan without a fraction, which one client would misread. @returns seconds */
export const duration: Reader<number> = (value, path) => {
  const match = typeof value === 'string' ? /^(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)$/.exec(value) : null;
  if (!match) throw new Unreadable(path, 'a duration [d.]hh:mm:ss is needed', value);
  const [, days = '0', hours, minutes, seconds] = match;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
};

/** For reference types: null and missing are the same to the clients. */
export const nullable =
  <T>(reader: Reader<T>): Reader<T | null> =>
  (value, path) =>
    value === null || value === undefined ? null : reader(value, path);

export const list =
  <T>(reader: Reader<T>): Reader<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) throw new Unreadable(path, 'a list is needed', value);
    return value.map((item, index) => reader(item, `${path}[${index}]`));
  };

export const map =
  <T>(reader: Reader<T>): Reader<Readonly<Record<string, T>>> =>
  (value, path) => {
    if (!isRecord(value)) throw new Unreadable(path, 'an object is needed', value);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, reader(item, `${path}.${key}`)]));
  };

type Shape = Readonly<Record<string, Reader<unknown>>>;
export type Read<S extends Shape> = { readonly [K in keyof S]: S[K] extends Reader<infer T> ? T : never };

/** Keys in camelCase exactly; keys that the client does not know do not matter. */
export const object =
  <S extends Shape>(shape: S): Reader<Read<S>> =>
  (value, path) => {
    if (!isRecord(value)) throw new Unreadable(path, 'an object is needed', value);
    return Object.fromEntries(
      Object.entries(shape).map(([key, reader]) => [key, reader(value[key], `${path}.${key}`)]),
    ) as Read<S>;
  };

export const oneOf =
  <const N extends readonly string[]>(...names: N): Reader<N[number]> =>
  (value, path) => {
    const found = names.find((name) => name === value);
    if (found === undefined) throw new Unreadable(path, `one of ${names.join(', ')} is needed`, value);
    return found;
  };
