import { describe, expect, it } from '@jest/globals';
import { scaleOf } from './map-scale.ts';

const indices = (...args: Parameters<typeof scaleOf>): readonly number[] => [...scaleOf(...args).indices];

describe('the colors of the map of instances', () => {
  it('are of classes of exit codes; what has none yet is apart', () =>
    expect(indices('exit code', Float64Array.of(NaN, 0, 1, 2, 125, 127, 137))).toEqual([0, 1, 2, 3, 3, 4, 5]));

  it('are of five equal steps of what is measured', () => {
    const { indices: found, labels } = scaleOf('wall time', Float64Array.of(0, 1, 5, 9, 10, NaN));
    expect([...found]).toEqual([1, 1, 3, 5, 5, 0]);
    expect(labels[1]).toBe('0.00 to 2.00 s');
  });

  it('are one where all are the same, and none where nothing is known', () => {
    expect(indices('peak memory', Float64Array.of(7, 7))).toEqual([1, 1]);
    expect(indices('attempt', Float64Array.of(NaN, NaN))).toEqual([0, 0]);
  });
});
