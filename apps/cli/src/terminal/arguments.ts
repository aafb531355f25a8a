import { InvalidArgumentError } from 'commander';

/** A whole number of at least `least`. */
const numberOf =
  (least: number) =>
  (text: string): number => {
    const count = Number(text);
    if (!Number.isInteger(count) || count < least || text.trim() === '')
      throw new InvalidArgumentError(`must be a whole number of at least ${least}`);
    return count;
  };

export const countOf = numberOf(1);
export const amountOf = numberOf(0);

export const instanceOf = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be an instance number');
  return Number(text);
};

/** Instances between two numbers, both among them. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** Instances such as `3`, `0-9` or `1,3,10-20`; in order, and none twice. */
export const instancesIn = (text: string): readonly Interval[] => {
  const parts = text.split(',').map((part) => {
    const [, from, to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim()) ?? [];
    if (from === undefined || Number(to) < Number(from))
      throw new InvalidArgumentError('must be instance numbers such as 3, 0-9 or 1,3,10-20');
    return { from: Number(from), to: Number(to) };
  });
  const sorted = parts.sort((a, b) => a.from - b.from);
  return sorted.reduce<readonly Interval[]>((all, one) => {
    const last = all.at(-1);
    if (!last || one.from > last.to) return [...all, one];
    return [...all.slice(0, -1), { from: last.from, to: Math.max(last.to, one.to) }];
  }, []);
};

/** A constant of a task or pool. */
export type Constant = { readonly key: string; readonly value: string };

export const constantOf = (text: string, before: readonly Constant[] = []): readonly Constant[] => {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be KEY=VALUE');
  return [...before, { key: text.slice(0, at), value: text.slice(at + 1) }];
};

/** What may be given several times. */
export const listOf = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
