import { z } from 'zod';

/** What a filter compares with: a scalar, or a list for In and NotIn. */
const operand = z.unknown();

/** A search filter as it comes in: a node with `filters`, or a leaf with `field` (contract, section 1.12). */
export interface WireFilter {
  readonly operator: string;
  readonly filters?: readonly WireFilter[] | undefined;
  readonly field?: string | undefined;
  readonly value?: unknown;
  readonly values?: unknown;
}

export const filterSchema: z.ZodType<WireFilter> = z
  .object({
    operator: z.string().max(64),
    filters: z
      .array(z.lazy(() => filterSchema))
      .max(1_000)
      .optional(),
    field: z.string().max(256).optional(),
    value: operand.optional(),
    values: operand.optional(),
  })
  .meta({ id: 'TaskFilter' });

/** Body of the paginate calls (contract, section 1.11). */
export const pageRequestSchema = z.object({
  token: z.string().max(4_096).optional(),
  filter: filterSchema.optional(),
  maximumResults: z.number().int().optional(),
  orderBy: z.string().max(64).optional(),
  orderType: z.string().max(16).optional(),
});
export type PageRequest = z.output<typeof pageRequestSchema>;

/** Body of the search calls: `select` is a list of names, or an object that holds one. */
export const searchRequestSchema = z.object({
  select: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).optional(),
  filter: filterSchema.optional(),
  maximumResults: z.number().int().optional(),
});
export type SearchRequest = z.output<typeof searchRequestSchema>;

export const pageOf = <S extends z.ZodType>(item: S) =>
  z.object({
    data: z.array(item),
    token: z.string().nullable(),
    nextToken: z.string().nullable(),
    isTruncated: z.boolean(),
    count: z.int(),
    total: z.int(),
  });

/** One page; `isTruncated` is false exactly when `nextToken` is null (contract, 5.24). */
export interface Page<T> {
  readonly data: readonly T[];
  readonly token: string | null;
  readonly nextToken: string | null;
  readonly isTruncated: boolean;
  readonly count: number;
  readonly total: number;
}
