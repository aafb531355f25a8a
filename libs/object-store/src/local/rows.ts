import type { Moved, ObjectInfo, PartInfo, Sql, UploadInfo } from '../port/object-store.js';
import { extrasOf, partExtrasOf, uploadExtrasOf } from './extras.js';
import type { FilePiece } from './object-files.js';

type Row = Readonly<Record<string, unknown>>;
const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null;

/** Runs a statement that is a SELECT at its top (data-modifying ones stand in its WITH), so that the driver answers with plain rows. */
export const rowsOf = async (sql: Sql, text: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> => {
  const answer = await sql.query(text, [...parameters]);
  return Array.isArray(answer) ? answer.filter(isRow) : [];
};

const text = (row: Row, column: string): string => String(row[column]);
const integer = (row: Row, column: string): number => Number(row[column]);
const instant = (row: Row, column: string): Date => {
  const value = row[column];
  return value instanceof Date ? value : new Date(String(value));
};
const list = (row: Row, column: string): readonly unknown[] => {
  const value = row[column];
  return Array.isArray(value) ? value : [];
};
export const textRecord = (value: unknown): Readonly<Record<string, string>> =>
  isRow(value) ? Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, String(entry)])) : {};

export const objectInfoOf = (row: Row): ObjectInfo => ({
  key: text(row, 'key'),
  sizeBytes: integer(row, 'size'),
  etag: text(row, 'etag'),
  contentType: text(row, 'content_type'),
  userMetadata: textRecord(row['metadata']),
  modifiedAt: instant(row, 'modified_at'),
  ...extrasOf(row['extras']),
  ...(text(row, 'etag').includes('-') ? { partSizes: list(row, 'part_sizes').map(Number) } : {}),
});

export const piecesOfRow = (row: Row): readonly FilePiece[] => {
  const sizes = list(row, 'part_sizes');
  return list(row, 'file_ids').map((fileId, index) => ({ fileId: String(fileId), sizeBytes: Number(sizes[index]) }));
};

export interface StoredPart extends PartInfo {
  readonly fileId: string;
}

export const partOf = (row: Row): StoredPart => ({
  partNumber: integer(row, 'part_number'),
  etag: text(row, 'etag'),
  sizeBytes: integer(row, 'size'),
  modifiedAt: instant(row, 'modified_at'),
  fileId: text(row, 'file_id'),
  ...partExtrasOf(row['extras']),
});

const wantedOf = (row: Row): Pick<UploadInfo, 'checksum'> => {
  const { checksum } = uploadExtrasOf(row['extras']);
  return checksum ? { checksum } : {};
};

export const uploadOf = (row: Row): UploadInfo => ({
  uploadId: text(row, 'upload_id'),
  key: text(row, 'key'),
  startedAt: instant(row, 'started_at'),
  ...wantedOf(row),
});

export const movedOf = (row: Row): Moved => ({
  from: { bucket: text(row, 'from_bucket'), key: text(row, 'from_key') },
  to: { bucket: text(row, 'to_bucket'), key: text(row, 'to_key') },
  sizeBytes: integer(row, 'size'),
});

export const countOf = (row: Row | undefined, column: string): number => (row === undefined ? 0 : integer(row, column));
export const textOf = text;
