import { ReadBarrier } from '@fornax/projections';

/** Lets readers wait until the rows of tasks show what was committed before: a command answers once they show what it did. */
export class StatusBarrier extends ReadBarrier {}
