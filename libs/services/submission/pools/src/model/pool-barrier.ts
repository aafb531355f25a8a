import { ReadBarrier } from '@fornax/projections';

/** Lets readers wait until the rows of pools show what was committed before: a command answers once they show what it did. */
export class PoolBarrier extends ReadBarrier {}
