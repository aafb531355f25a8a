import { gzipSync } from 'node:zlib';
import { structBytes, varint, type ThriftField, type ThriftValue } from './thrift.js';

/** A column of a table: texts that may be absent, whole numbers of 64 bits, or decimals whose values are whole numbers of their last digit. */
export type ParquetColumn =
  | { readonly name: string; readonly kind: 'text' | 'whole' }
  | { readonly name: string; readonly kind: 'decimal'; readonly scale: number };
export type ParquetValue = string | bigint | null;

// Numbers of the format (parquet.thrift).
const TYPES = { whole: 2, text: 6, decimal: 7 } as const;
const UTF8 = 0;
const DECIMAL = 5;
const REQUIRED = 0;
const OPTIONAL = 1;
const PLAIN = 0;
const RLE = 3;
const GZIP = 2;
const DATA_PAGE = 0;
const MAGIC = Buffer.from('PAR1');

/** Decimals have 38 digits, in two's complement of 16 bytes, the highest first. */
const DECIMAL_BYTES = 16;
const PRECISION = 38;

const lengthOf = (count: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(count);
  return bytes;
};

const decimalBytes = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(DECIMAL_BYTES);
  bytes.writeBigInt64BE(value >> 64n, 0);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value), 8);
  return bytes;
};

const wholeBytes = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};

const valueBytes = (kind: ParquetColumn['kind'], value: ParquetValue): readonly Buffer[] => {
  if (value === null) return [];
  if (typeof value === 'bigint') return [kind === 'decimal' ? decimalBytes(value) : wholeBytes(value)];
  const text = Buffer.from(value);
  return [lengthOf(text.length), text];
};

/** Which values are there: one run of bits, eight in a byte, the first in the lowest. */
const presence = (values: readonly ParquetValue[]): Buffer => {
  const bits = Buffer.alloc(Math.ceil(values.length / 8));
  for (const [index, value] of values.entries())
    if (value !== null) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  const run = Buffer.concat([Buffer.from(varint((BigInt(bits.length) << 1n) | 1n)), bits]);
  return Buffer.concat([lengthOf(run.length), run]);
};

const pageOf = ({ kind }: ParquetColumn, values: readonly ParquetValue[]) => {
  const plain = Buffer.concat([
    ...(kind === 'text' ? [presence(values)] : []),
    ...values.flatMap((value) => valueBytes(kind, value)),
  ]);
  const packed = gzipSync(plain);
  const head = Buffer.from(
    structBytes([
      [1, { i32: DATA_PAGE }],
      [2, { i32: plain.length }],
      [3, { i32: packed.length }],
      [5, { struct: [values.length, PLAIN, RLE, RLE].map((i32, index): ThriftField => [index + 1, { i32 }]) }],
    ]),
  );
  return { bytes: Buffer.concat([head, packed]), plainSize: head.length + plain.length };
};

const schemaOf = (columns: readonly ParquetColumn[]): ThriftValue => ({
  list: [
    {
      struct: [
        [4, { text: 'rows' }],
        [5, { i32: columns.length }],
      ],
    },
    ...columns.map((column): ThriftValue => {
      const scale = column.kind === 'decimal' ? column.scale : undefined;
      return {
        struct: [
          [1, { i32: TYPES[column.kind] }],
          [2, scale === undefined ? undefined : { i32: DECIMAL_BYTES }],
          [3, { i32: column.kind === 'text' ? OPTIONAL : REQUIRED }],
          [4, { text: column.name }],
          [6, column.kind === 'whole' ? undefined : { i32: column.kind === 'text' ? UTF8 : DECIMAL }],
          [7, scale === undefined ? undefined : { i32: scale }],
          [8, scale === undefined ? undefined : { i32: PRECISION }],
        ],
      };
    }),
  ],
});

/**
 * Writes a table as a file of Apache Parquet, in pieces, one group of rows for each batch that comes: flat columns, plain values, gzip. Amounts stay whole
 * numbers from end to end.
 * @param rows values in the order of the columns
 * @param notes pairs that the file says of itself
 */
export async function* parquetFile(
  columns: readonly ParquetColumn[],
  rows: AsyncIterable<readonly (readonly ParquetValue[])[]>,
  notes: Readonly<Record<string, string>>,
): AsyncGenerator<Buffer> {
  yield MAGIC;
  let offset = MAGIC.length;
  let count = 0;
  const groups: ThriftValue[] = [];
  for await (const batch of rows) {
    if (batch.length === 0) continue;
    let groupSize = 0;
    const chunks: ThriftValue[] = [];
    for (const [index, column] of columns.entries()) {
      const { bytes, plainSize } = pageOf(
        column,
        batch.map((row) => row[index] ?? null),
      );
      const about: readonly ThriftField[] = [
        [1, { i32: TYPES[column.kind] }],
        [2, { list: [{ i32: PLAIN }, { i32: RLE }] }],
        [3, { list: [{ text: column.name }] }],
        [4, { i32: GZIP }],
        [5, { i64: batch.length }],
        [6, { i64: plainSize }],
        [7, { i64: bytes.length }],
        [9, { i64: offset }],
      ];
      chunks.push({
        struct: [
          [2, { i64: offset }],
          [3, { struct: about }],
        ],
      });
      groupSize += plainSize;
      offset += bytes.length;
      yield bytes;
    }
    groups.push({
      struct: [
        [1, { list: chunks }],
        [2, { i64: groupSize }],
        [3, { i64: batch.length }],
      ],
    });
    count += batch.length;
  }
  const foot = Buffer.from(
    structBytes([
      [1, { i32: 1 }],
      [2, schemaOf(columns)],
      [3, { i64: count }],
      [4, { list: groups }],
      [
        5,
        {
          list: Object.entries(notes).map(([key, text]): ThriftValue => ({
            struct: [
              [1, { text: key }],
              [2, { text }],
            ],
          })),
        },
      ],
      [6, { text: 'fornax' }],
    ]),
  );
  yield Buffer.concat([foot, lengthOf(foot.length), MAGIC]);
}
