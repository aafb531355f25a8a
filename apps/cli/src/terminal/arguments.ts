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

/** A constant of a task or pool. */
export type Constant = { readonly key: string; readonly value: string };

export const constantOf = (text: string, before: readonly Constant[] = []): readonly Constant[] => {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be KEY=VALUE');
  return [...before, { key: text.slice(0, at), value: text.slice(at + 1) }];
};

/** What may be given several times. */
export const listOf = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
