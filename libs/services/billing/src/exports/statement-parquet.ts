import { logProofText, type StatementDimension, type WireLogProof } from '@fornax/contracts';
import { PARTS_PER_NANO, split } from '@fornax/domain';
import type { StatementGroup } from '../queries/statement-reader.js';
import { columnNames, columnTexts, type NamesOf } from '../queries/wire-statement.js';
import { parquetFile, type ParquetColumn, type ParquetValue } from './parquet.js';

const SUMS: readonly ParquetColumn[] = [
  { name: 'attempts', kind: 'whole' },
  { name: 'instances', kind: 'whole' },
  { name: 'failures', kind: 'whole' },
  { name: 'seconds', kind: 'decimal', scale: 3 },
  { name: 'coreSeconds', kind: 'decimal', scale: 6 },
  { name: 'amount', kind: 'decimal', scale: 6 },
  { name: 'nanos', kind: 'decimal', scale: 9 },
  { name: 'rest', kind: 'whole' },
  { name: 'currency', kind: 'text' },
];

const sumsOf = ({ units, ...row }: StatementGroup, currency: string): readonly ParquetValue[] => {
  const { nanos, rest } = split(BigInt(row.parts));
  const counts = [row.attempts, row.instances, row.failures, row.billed_ms, row.core_ms, units].map(BigInt);
  return [...counts, nanos, rest, currency];
};

/** A statement as Parquet: the columns of its CSV. `nanos` are whole nano-units of the exact amount, read as a decimal of the currency. */
export const statementParquet = (
  groups: AsyncIterable<readonly StatementGroup[]>,
  dimensions: readonly StatementDimension[],
  { names, currency, proof }: { readonly names: NamesOf; readonly currency: string; readonly proof: WireLogProof },
): AsyncGenerator<Buffer> => {
  const rows = async function* (): AsyncGenerator<readonly (readonly ParquetValue[])[]> {
    for await (const part of groups)
      yield part.map((group) => [
        ...dimensions.flatMap((one, index) => columnTexts(one, group.keys[index] ?? null, names)),
        ...sumsOf(group, currency),
      ]);
  };
  const texts = dimensions.flatMap(columnNames).map((name): ParquetColumn => ({ name, kind: 'text' }));
  const columns = [...texts, ...SUMS];
  return parquetFile(columns, rows(), {
    'fornax.restPerNano': String(PARTS_PER_NANO),
    'fornax.logProof': logProofText(proof),
  });
};
