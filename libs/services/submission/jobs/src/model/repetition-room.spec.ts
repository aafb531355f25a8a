import { describe, expect, it } from '@jest/globals';
import { RepetitionRoom } from './repetition-room.js';

describe('the room for a job that is repeated', () => {
  it('is taken by all that is read of it, and ends with a refusal that says what to do', () => {
    const room = new RepetitionRoom('job-1', 10);
    room.take(['1234']);
    expect(() => room.take(['1'])).toThrow(
      'The tasks of the job job-1 have more than 10 characters together: repeat them one by one',
    );
  });
});
