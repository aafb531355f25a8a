/** A field of a structure in Thrift's compact protocol, as far as Parquet needs it. Undefined values are left out. */
export type ThriftField = readonly [id: number, value: ThriftValue | undefined];
export type ThriftValue =
  | { readonly i32: number }
  | { readonly i64: number }
  | { readonly text: string }
  | { readonly struct: readonly ThriftField[] }
  | { readonly list: readonly ThriftValue[] };

const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;
const SHORT_LIST = 15;

const typeOf = (value: ThriftValue): number => {
  if ('i32' in value) return I32;
  if ('i64' in value) return I64;
  if ('text' in value) return BINARY;
  return 'list' in value ? LIST : STRUCT;
};

/** A whole number in groups of seven bits, the lowest first. */
export const varint = (value: bigint): readonly number[] =>
  value < 0x80n ? [Number(value)] : [Number(value & 0x7fn) | 0x80, ...varint(value >> 7n)];
const zigzag = (value: number): readonly number[] => {
  const whole = BigInt(value);
  return varint(whole < 0n ? -2n * whole - 1n : 2n * whole);
};

const bytesOf = (value: ThriftValue): readonly number[] => {
  if ('i32' in value) return zigzag(value.i32);
  if ('i64' in value) return zigzag(value.i64);
  if ('text' in value) {
    const bytes = Buffer.from(value.text);
    return [...varint(BigInt(bytes.length)), ...bytes];
  }
  if ('struct' in value) return structBytes(value.struct);
  const [first] = value.list;
  const type = first === undefined ? STRUCT : typeOf(first);
  const count = value.list.length;
  const head = count < SHORT_LIST ? [(count << 4) | type] : [0xf0 | type, ...varint(BigInt(count))];
  return [...head, ...value.list.flatMap(bytesOf)];
};

/** A structure; its fields are in the order of their ids. */
export const structBytes = (fields: readonly ThriftField[]): readonly number[] => {
  let last = 0;
  const bytes = fields.flatMap(([id, value]): readonly number[] => {
    if (value === undefined) return [];
    const head = ((id - last) << 4) | typeOf(value);
    last = id;
    return [head, ...bytesOf(value)];
  });
  return [...bytes, 0];
};
