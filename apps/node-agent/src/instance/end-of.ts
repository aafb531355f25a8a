import type { InstanceExit } from '@fornax/drivers';

import { reportable } from './notes.js';
import { type Outcome, usageOf } from './outcome-of.js';
import { type Uploaded, reportOf } from './results.js';
import type { End } from './told.js';

interface Finished {
  readonly outcome: Outcome;
  readonly exit: InstanceExit;
  readonly startedAt: number;
  readonly uploaded: Uploaded;
  readonly notes: readonly string[];
  /** Digest of the list of its inputs, if that is stored. */
  readonly inputs: string | undefined;
  /** Digest of the image that it ran in. */
  readonly image: string | undefined;
  /** Absent where nobody measured. */
  readonly averageGHz: number | undefined;
}

/** What the report of the end says of an instance whose command is over, besides the times of its phases. */
export const endOf = ({ outcome, exit, startedAt, uploaded, notes, inputs, image, averageGHz }: Finished): End => ({
  ...outcome,
  ...(notes.length === 0 ? {} : { notes: [...reportable(notes)] }),
  ...usageOf(exit),
  ...(averageGHz === undefined ? {} : { averageGHz }),
  startedAt,
  ...reportOf(uploaded),
  ...(inputs === undefined ? {} : { inputs }),
  ...(image === undefined ? {} : { image }),
});
