import type { WireStatement } from '@fornax/client';
import type { ReadStatement } from '@fornax/client/documents';

const SUMS = ['attempts', 'instances', 'failures', 'seconds', 'coreSeconds', 'amount', 'nanos', 'rest'] as const;
const METERED = ['quantity', 'gb', 'amount', 'nanos', 'rest'] as const;
const FACTS = ['through', 'isFinal', 'currency', 'count', 'unrated'] as const;

type Row = WireStatement['rows'][number];
type Meter = WireStatement['meters'][number];
type Values<Name extends string> = Readonly<Record<Name, string | number | boolean>>;

/** What is said otherwise of one thing. */
const unlike = <Name extends string>(
  place: string,
  names: readonly Name[],
  was: Values<Name> | undefined,
  is: Values<Name> | undefined,
  source = 'the ledger',
): readonly string[] => {
  if (!was) return [`${place} is not in it`];
  if (!is) return [`${place} is in no line of the ledger`];
  return names
    .filter((name) => was[name] !== is[name])
    .map((name) => `${place}${name} is ${is[name]} in ${source}, and ${was[name]} in it`);
};

/** What is said otherwise of each thing of a list. A thing that is in it more than once is one difference more. */
const unlikeEach = <Thing, Name extends string>(
  lists: readonly [was: readonly (Thing & Values<Name>)[], is: readonly (Thing & Values<Name>)[]],
  names: readonly Name[],
  keyOf: (thing: Thing) => string,
): readonly string[] => {
  const [was, is] = lists;
  const [before, after] = [was, is].map((list) => new Map(list.map((one) => [keyOf(one), one])));
  const often = [...(before?.keys() ?? [])].filter((key) => was.filter((one) => keyOf(one) === key).length > 1);
  return [
    ...often.map((key) => `${key} is more than once in it`),
    ...[...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].flatMap((key) =>
      unlike(
        before?.has(key) === true && after?.has(key) === true ? `${key}: ` : key,
        names,
        before?.get(key),
        after?.get(key),
      ),
    ),
  ];
};

const keyIn =
  (groupBy: readonly string[]) =>
  ({ by }: Pick<Row, 'by'>): string =>
    groupBy.map((one) => `${one} ${by[one] ?? '-'}`).join(', ');
const meterName = ({ meter }: Pick<Meter, 'meter'>): string => `the meter ${meter}`;

/** What a statement says otherwise than the ledger does as of the same commit. */
export const differencesOf = (was: WireStatement, is: WireStatement): readonly string[] => [
  ...unlikeEach([was.rows, is.rows], SUMS, keyIn(was.groupBy)),
  ...unlike('the total: ', SUMS, was.total, is.total),
  ...unlike('', FACTS, was, is),
  ...unlikeEach([was.meters, is.meters], METERED, meterName),
  ...(was.proof.to === was.through ? [] : [`it is as of commit ${was.through}, and proved up to ${was.proof.to}`]),
];

/**
 * What a proof says of itself that cannot be.
 * @param segmentTo last sequence of the segment that it names
 */
export const differencesInProof = (proof: ReadStatement['proof'], segmentTo: number): readonly string[] => {
  const archivedTo = Math.min(segmentTo, proof.to);
  const is = { from: 1, archivedTo, isWhole: archivedTo === proof.to };
  return unlike('proof: ', ['from', 'archivedTo', 'isWhole'], proof, is, 'the archive');
};

/** How many rows a statement has, and of how many. A page of a statement has not all of them. */
export const rowsHeld = ({ rows }: WireStatement, count: number): string =>
  rows.length === count ? `${rows.length} rows` : `${rows.length} of ${count} rows (the others are not in it)`;

/** Whose names are others by now: people and projects are known by their ids, and nothing proves their names. */
export const namesThatChanged = (was: WireStatement, is: WireStatement): readonly string[] => {
  const keyOf = keyIn(was.groupBy);
  const now = new Map(is.rows.map((row) => [keyOf(row), row.names]));
  const told = was.rows.flatMap((row) =>
    Object.entries({ ...now.get(keyOf(row)), ...row.names })
      .filter(([one, name]) => now.get(keyOf(row))?.[one] !== name)
      .map(
        ([one, name]) =>
          `${one} ${row.by[one] ?? '-'} is named ${now.get(keyOf(row))?.[one] ?? 'nothing'} today, and ${name} in it`,
      ),
  );
  return [...new Set(told)];
};
