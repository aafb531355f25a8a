import { dirname, join } from 'node:path';

import type { LeaseOrder } from '@fornax/contracts';
import type { PreparedInstance } from '@fornax/drivers';
import type { S3Client } from '@fornax/s3';

import { type Inputs, downloadInputs, refreshInputs } from './inputs.js';
import { type Manifest, manifestOf } from './results.js';

/** Where inputs go. */
type Place = Pick<PreparedInstance, 'jobDir' | 'paths'> & {
  /** The folder of inputs, relative to the job; '' for the job itself. */
  readonly folder: string;
};

/** The inputs of one instance, as they lie in its job. */
export class JobInputs {
  #before: Manifest;

  private constructor(
    private readonly storage: () => Promise<S3Client>,
    private readonly resources: LeaseOrder['resources'],
    private readonly place: Place,
    private readonly inputs: Inputs,
    before: Manifest,
  ) {
    this.#before = before;
  }

  /** @param storage with the rights of the lease, now @throws UserError, S3Error */
  static async fetch(
    storage: () => Promise<S3Client>,
    resources: LeaseOrder['resources'],
    place: Place,
    signal: AbortSignal,
  ): Promise<JobInputs> {
    const { jobDir, paths, folder } = place;
    const inputs = await downloadInputs(await storage(), resources, join(jobDir, folder), signal);
    const before = await manifestOf(jobDir, { seenAs: paths.job, signal });
    return new JobInputs(storage, resources, place, inputs, before);
  }

  /** What the platform brought: no result of the command unless that changes it. */
  get before(): Manifest {
    return this.#before;
  }

  /** Fetches what is new in the buckets while the instance runs. @throws UserError, S3Error */
  async bringNew(signal: AbortSignal): Promise<void> {
    const { jobDir, folder } = this.place;
    const place = { jobDir, folder, stagingDir: dirname(jobDir) };
    const replaced = await refreshInputs(await this.storage(), this.resources, place, this.inputs, signal);
    this.#before = new Map([...this.#before, ...replaced]);
  }
}
