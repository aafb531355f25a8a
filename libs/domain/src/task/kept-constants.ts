import { reject } from '../shared/decider.js';
import type { TaskConstant } from './task.events.js';

/** Whether constants hold all of these envelopes. */
export const holdsAll = (constants: readonly TaskConstant[], envelopes: readonly string[] = []): boolean => {
  const there = new Set(constants.flatMap((one) => ('sealed' in one ? [one.sealed] : [])));
  return envelopes.every((one) => there.has(one));
};

/** Somebody else gave a task or pool other constants since those were read whose values are to be kept. */
export const constantsChanged = (id: string) =>
  reject('conflict', 'constants-changed', `The constants of ${id} were changed meanwhile`);
