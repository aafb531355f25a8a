import { reject, type Rejection } from './decider.js';

/**
 * An immutable set of non-negative integers, held as sorted, disjoint, non-adjacent intervals: what 100,000 instances cost is the
 * number of gaps between them. Plain data, so it travels as JSON. Read it only through the functions of this file.
 */
export interface Ranges {
  /** start0, end0, start1, end1, ...: ends are exclusive. */
  readonly bounds: readonly number[];
  readonly size: number;
}

/** Instance numbers stay below this, so that a hostile range cannot overflow anything. */
const LIMIT = 2 ** 31;
const MAX_ARGUMENTS = 1_000;

const at = (bounds: readonly number[], index: number): number => bounds[index] ?? Number.POSITIVE_INFINITY;

const sizeOfBounds = (bounds: readonly number[]): number => {
  let size = 0;
  for (let i = 0; i < bounds.length; i += 2) size += at(bounds, i + 1) - at(bounds, i);
  return size;
};

const fromBounds = (bounds: readonly number[]): Ranges => ({ bounds, size: sizeOfBounds(bounds) });

/** How many bounds are at or below `n`, by binary search. */
const boundsUpTo = (bounds: readonly number[], n: number): number => {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(bounds, middle) <= n) low = middle + 1;
    else high = middle;
  }
  return low;
};

export const emptyRanges: Ranges = { bounds: [], size: 0 };

/** 0 to count - 1. */
export const rangesOf = (count: number): Ranges => (count > 0 ? { bounds: [0, count], size: count } : emptyRanges);

/** Any order, duplicates allowed. */
export const fromNumbers = (numbers: Iterable<number>): Ranges => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const bounds: number[] = [];
  for (const n of sorted) {
    const end = bounds.at(-1);
    if (end !== undefined && n < end) continue;
    if (n === end) bounds[bounds.length - 1] = n + 1;
    else bounds.push(n, n + 1);
  }
  return fromBounds(bounds);
};

/**
 * Reads "0-2,4-5,17": numbers and inclusive ranges in any order, white space allowed around them.
 * Malformed, reversed, overlapping or enormous parts are rejected with the code `bad-ranges` (contract, section 4.2).
 */
export const parseRanges = (text: string): { readonly ranges: Ranges } | { readonly rejection: Rejection } => {
  const intervals: (readonly [number, number])[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?$/.exec(part);
    if (!match) return reject('invalid', 'bad-ranges', `"${part.slice(0, 40)}" is neither a number nor a range`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first) return reject('invalid', 'bad-ranges', `the range "${part.trim()}" is reversed`);
    if (last >= LIMIT - 1) return reject('invalid', 'bad-ranges', `"${part.trim()}" is too large`);
    intervals.push([first, last + 1]);
  }
  intervals.sort((a, b) => a[0] - b[0]);
  const bounds: number[] = [];
  for (const [start, end] of intervals) {
    const previous = bounds.at(-1);
    if (previous !== undefined && start < previous)
      return reject('invalid', 'bad-ranges', `${start} is named more than once`);
    if (start === previous) bounds[bounds.length - 1] = end;
    else bounds.push(start, end);
  }
  return { ranges: fromBounds(bounds) };
};

/** The canonical text: sorted, merged, inclusive; '' for the empty set. */
export const formatRanges = ({ bounds }: Ranges): string => {
  const parts: string[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    const start = at(bounds, i);
    const last = at(bounds, i + 1) - 1;
    parts.push(start === last ? `${start}` : `${start}-${last}`);
  }
  return parts.join(',');
};

export const sizeOf = (ranges: Ranges): number => ranges.size;

/** An odd number of bounds at or below `n` means that it lies inside an interval. */
export const has = ({ bounds }: Ranges, n: number): boolean => boundsUpTo(bounds, n) % 2 === 1;

type Keep = (inA: boolean, inB: boolean) => boolean;

/** Walks both lists of bounds once; `keep` says whether a stretch inside/outside of each belongs to the result. */
const combine = (a: readonly number[], b: readonly number[], keep: Keep): number[] => {
  const bounds: number[] = [];
  let i = 0;
  let j = 0;
  let inside = false;
  while (i < a.length || j < b.length) {
    const next = Math.min(at(a, i), at(b, j));
    if (at(a, i) === next) i += 1;
    if (at(b, j) === next) j += 1;
    const now = keep(i % 2 === 1, j % 2 === 1);
    if (now !== inside) bounds.push(next);
    inside = now;
  }
  return bounds;
};

/**
 * Changes `a` where `b` reaches and copies the rest of it untouched, so that a small batch costs little on a set with many gaps.
 * Only for operations that leave `a` as it is outside of `b`.
 */
const patch = (a: Ranges, b: Ranges, keep: Keep): Ranges => {
  const before = boundsUpTo(a.bounds, at(b.bounds, 0) - 1);
  const upTo = boundsUpTo(a.bounds, at(b.bounds, b.bounds.length - 1));
  const first = before - (before % 2); // whole intervals only; one that touches `b` is inside the window, so that they merge
  const last = upTo + (upTo % 2);
  const window = a.bounds.slice(first, last);
  const patched = combine(window, b.bounds, keep);
  // One copy where the patch is small enough to be spread over arguments, which it nearly always is.
  const bounds =
    patched.length <= MAX_ARGUMENTS
      ? a.bounds.toSpliced(first, last - first, ...patched)
      : a.bounds.slice(0, first).concat(patched, a.bounds.slice(last));
  return {
    bounds,
    size: a.size - sizeOfBounds(window) + sizeOfBounds(patched),
  };
};

export const union = (a: Ranges, b: Ranges): Ranges => {
  const [large, small] = a.bounds.length >= b.bounds.length ? [a, b] : [b, a];
  return small.size === 0 ? large : patch(large, small, (inA, inB) => inA || inB);
};
/** What is in `a` and not in `b`. */
export const difference = (a: Ranges, b: Ranges): Ranges => (b.size === 0 ? a : patch(a, b, (inA, inB) => inA && !inB));

/** What is in both. */
export const intersection = (a: Ranges, b: Ranges): Ranges =>
  a.size === 0 || b.size === 0 ? emptyRanges : fromBounds(combine(a.bounds, b.bounds, (inA, inB) => inA && inB));

/** The lowest `count` numbers. */
export const lowest = (ranges: Ranges, count: number): Ranges => {
  if (count >= ranges.size) return ranges;
  const bounds: number[] = [];
  let left = Math.max(0, count);
  for (let i = 0; left > 0; i += 2) {
    const start = at(ranges.bounds, i);
    const end = Math.min(at(ranges.bounds, i + 1), start + left);
    bounds.push(start, end);
    left -= end - start;
  }
  return fromBounds(bounds);
};

/** All numbers, ascending. */
export function* iterate({ bounds }: Ranges): Generator<number, void, undefined> {
  for (let i = 0; i < bounds.length; i += 2) {
    for (let n = at(bounds, i); n < at(bounds, i + 1); n += 1) yield n;
  }
}
