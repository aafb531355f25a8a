import { isDeepStrictEqual } from 'node:util';
import type { AuditFinding } from '@fornax/domain';

/** A row that is not what follows from the log. @param taskId what it is about */
export const otherwise = (taskId: string, detail: string, sequence?: number): AuditFinding => ({
  kind: 'billed otherwise',
  taskId,
  detail,
  sequences: sequence === undefined ? [] : [sequence],
});

/** Names of what two records say differently, as a sentence; undefined: nothing. */
export const differences = (expected: object, found: object): string | undefined => {
  const [asFollows, asKept] = [new Map(Object.entries(expected)), new Map(Object.entries(found))];
  const names = [...new Set([...asFollows.keys(), ...asKept.keys()])].filter(
    (name) => !isDeepStrictEqual(asFollows.get(name), asKept.get(name)),
  );
  return names.length === 0
    ? undefined
    : names
        .map(
          (name) =>
            `${name} is ${JSON.stringify(asKept.get(name))} and follows as ${JSON.stringify(asFollows.get(name))}`,
        )
        .join(', ');
};

/** Rows that both sides name alike, compared one by one. @param of what a key is about, in a finding */
export const compared = <R extends object>(
  expected: ReadonlyMap<string, R>,
  found: ReadonlyMap<string, R>,
  of: (key: string) => readonly [taskId: string, what: string],
): readonly AuditFinding[] =>
  [...new Set([...expected.keys(), ...found.keys()])].sort().flatMap((key): readonly AuditFinding[] => {
    const [taskId, what] = of(key);
    const [follows, kept] = [expected.get(key), found.get(key)];
    if (!follows) return [otherwise(taskId, `${what} is kept, and the log knows nothing of it`)];
    if (!kept) return [otherwise(taskId, `${what} is not kept`)];
    const detail = differences(follows, kept);
    return detail === undefined ? [] : [otherwise(taskId, `${what} is kept otherwise: ${detail}`)];
  });

/** As it is stored: what JSON leaves out is not there. */
export const stored = (value: object): object => JSON.parse(JSON.stringify(value)) as object;
