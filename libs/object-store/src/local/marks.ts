import { randomUUID } from 'node:crypto';

/**
 * The name of a mark: a UUID of version 8 that begins with its place in the order of all marks, so that one whose row is gone can still be told
 * to be an old one.
 */
export const markOf = (order: number): string => {
  const hex = order.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-8${randomUUID().slice(15)}`;
};

/** @returns the place that a mark names; undefined for one of an earlier version */
export const orderOf = (mark: string): number | undefined => {
  const [, high = '', low = ''] = /^([0-9a-f]{8})-([0-9a-f]{4})-8/.exec(mark) ?? [];
  return high === '' ? undefined : Number.parseInt(high + low, 16);
};
