import type { InstantMs } from '../shared/time.js';

/** What one bucket used in a part of time: a reading of its two meters. Big numbers are texts: a number in JSON may be too small for them. */
export interface BucketReading {
  readonly bucket: string;
  readonly owner: string;
  /** The project that the bucket was made in; null: the one that its owner started with. */
  readonly projectUuid: string | null;
  /** The first instant that counts, and the first one that does not. */
  readonly from: InstantMs;
  readonly until: InstantMs;
  /** Bytes held, times the seconds for which they were. */
  readonly byteSeconds: string;
  /** Bytes of objects that were sent to whoever is no node of the platform. */
  readonly bytesOut: string;
}

/** What buckets used until an instant, in parts: each reading is in one of them. */
export interface StorageMetered {
  readonly type: 'StorageMetered';
  /** Counted from 1, over all time. */
  readonly part: number;
  /** Nothing of the time before it is told in a later part that closes at another instant. */
  readonly until: InstantMs;
  readonly readings: readonly BucketReading[];
  readonly at: InstantMs;
}

export type RecordReadings = Omit<StorageMetered, 'type'> & { readonly type: 'RecordReadings' };
