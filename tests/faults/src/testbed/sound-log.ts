import { expect, it } from '@jest/globals';
import { auditFaults, projectionFaults } from '../invariants.js';
import type { Testbed } from './testbed.js';

/** The last test of a suite: whatever was killed, the log and what is folded from it are right. @param bed as it is by then */
export const leavesASoundLog = (bed: () => Testbed): void => {
  it('leaves a log in which the audit finds nothing, and projections that rebuild to it', async () => {
    expect(await auditFaults(bed().platform)).toEqual([]);
    expect(await projectionFaults(bed().platform)).toEqual([]);
  });
};
