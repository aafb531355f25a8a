import { createHash } from 'node:crypto';
import type { TaskTable } from '@fornax/domain';
import { z } from 'zod';
import type { ParameterTable } from './parameter-table.js';

const schema = z.object({
  format: z.literal(1),
  columns: z.array(z.string()),
  rows: z.array(z.array(z.string())),
});

/** A table as an object of the storage, and what its task says of it. */
export interface TableObject {
  readonly bytes: Buffer;
  readonly about: TaskTable;
}

/** The same table makes the same bytes. */
export const objectOf = ({ columns, rows }: ParameterTable): TableObject => {
  const bytes = Buffer.from(JSON.stringify({ format: 1, columns, rows }));
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { bytes, about: { digest, columns, rows: rows.length } };
};

/** @returns undefined for other bytes than `digest` names */
export const tableIn = (bytes: Buffer, digest: string): ParameterTable | undefined => {
  if (createHash('sha256').update(bytes).digest('hex') !== digest) return undefined;
  const parsed = schema.safeParse(JSON.parse(bytes.toString('utf8')));
  return parsed.success ? parsed.data : undefined;
};
