import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { meterDecider } from './meter.decider.js';
import type { BucketReading, RecordReadings, StorageMetered } from './meter.events.js';

const at = 9_000;
const reading = (from: number, until: number, bucket = 'b'): BucketReading => ({
  ...{ bucket, owner: 'ada', projectUuid: null, from, until, byteSeconds: '12', bytesOut: '0' },
});
const facts = (part: number, until: number, ...readings: readonly BucketReading[]) => ({ part, until, readings, at });
const record = (...of: Parameters<typeof facts>): RecordReadings => ({ type: 'RecordReadings', ...facts(...of) });
const metered = (...of: Parameters<typeof facts>): StorageMetered => ({ type: 'StorageMetered', ...facts(...of) });

describe('the meters of storage', () => {
  const { given } = specFor(meterDecider);

  it('are told part after part, each of them once', () => {
    given()
      .when(record(1, 100, reading(0, 100)))
      .then(metered(1, 100, reading(0, 100)));
    given(metered(1, 100, reading(0, 100)))
      .when(record(1, 100, reading(0, 100)))
      .thenNothing();
    given(metered(1, 100, reading(0, 100)))
      .when(record(2, 100, reading(0, 100, 'c')))
      .then(metered(2, 100, reading(0, 100, 'c')));
    given(metered(1, 100, reading(0, 100)))
      .when(record(3, 100, reading(0, 100, 'c')))
      .thenRejected('meter-part');
  });

  it('never reach into time that is closed, whatever clocks and databases go back to', () => {
    const closed = [metered(1, 100, reading(0, 100)), metered(2, 200, reading(100, 200))] as const;
    given(...closed)
      .when(record(3, 200, reading(100, 200, 'c')))
      .then(metered(3, 200, reading(100, 200, 'c')));
    given(...closed)
      .when(record(3, 200, reading(0, 100)))
      .thenRejected('meter-closed');
    given(...closed)
      .when(record(3, 300, reading(100, 200)))
      .thenRejected('meter-closed');
    given(...closed)
      .when(record(3, 100, reading(0, 100)))
      .thenRejected('meter-closed');
    given(...closed)
      .when(record(3, 300, reading(200, 301)))
      .thenRejected('meter-closed');
    given(...closed)
      .when(record(3, 300, reading(250, 250)))
      .thenRejected('meter-closed');
    given(...closed)
      .when(record(3, 500, reading(400, 500)))
      .then(metered(3, 500, reading(400, 500)));
  });
});
