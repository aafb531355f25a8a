import { accept, reject, type Decider } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';
import type { RecordReadings, StorageMetered } from './meter.events.js';

/** How far the meters of storage are told. */
export interface MeterState {
  readonly part: number;
  /** The end of the time that the last part closes. */
  readonly until: InstantMs;
  /** Everything before it was told in full before the first part of the same closing. */
  readonly settled: InstantMs;
}

const settledBy = (state: MeterState, until: InstantMs): InstantMs =>
  until === state.until ? state.settled : state.until;

/**
 * The meters of storage, part after part, each of them once: whoever tells a part again, since it died before it heard that it was told, adds nothing, and
 * no reading reaches into time that is closed. Rejections: `meter-part` (a part is missing), `meter-closed`.
 */
export const meterDecider: Decider<MeterState, RecordReadings, StorageMetered> = {
  initial: { part: 0, until: 0, settled: 0 },
  decide: (state, { type: _, ...told }) => {
    if (told.part <= state.part) return accept();
    if (told.part !== state.part + 1)
      return reject('conflict', 'meter-part', `Part ${told.part} of the meters does not follow part ${state.part}.`);
    const settled = settledBy(state, told.until);
    const isOpen = told.readings.every(({ from, until }) => settled <= from && from < until && until <= told.until);
    return isOpen && told.until >= state.until
      ? accept({ type: 'StorageMetered', ...told })
      : reject('conflict', 'meter-closed', 'A reading is of time that was told before.');
  },
  evolve: (state, { part, until }) => ({ part, until, settled: settledBy(state, until) }),
};
