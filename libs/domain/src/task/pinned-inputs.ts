import { has, parseRanges } from '../shared/ranges.js';
import type { TaskSpec } from './task.events.js';

/** Names the list of the inputs that one instance of a pinned task gets, by its SHA-256 in hex; undefined where none is pinned. */
export const pinnedInputs = ({ pin }: Pick<TaskSpec, 'pin'>, instance: number): string | undefined =>
  pin?.inputs.find(({ instances }) => {
    const parsed = parseRanges(instances);
    return 'ranges' in parsed && has(parsed.ranges, instance);
  })?.digest;
