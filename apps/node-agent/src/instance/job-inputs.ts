import { dirname, join } from 'node:path';

import type { InputManifest, LeaseOrder } from '@fornax/contracts';
import type { PreparedInstance } from '@fornax/drivers';

import type { InputStore } from './bring-object.js';
import { inputManifestOf } from './input-manifest.js';
import { type Inputs, downloadInputs, refreshInputs } from './inputs.js';
import { notesOfInputs } from './notes.js';
import { type Manifest, manifestOf } from './results.js';

type Resources = LeaseOrder['resources'];

/** What the instance may read now, and the storage with the right to. */
export type InputSource = () => Promise<
  InputStore & {
    readonly resources: Resources;
    /** What it may read of them, and no more; absent: all. */
    readonly pin?: InputManifest | undefined;
  }
>;

/** Where inputs go. */
interface Place {
  readonly prepared: Pick<PreparedInstance, 'jobDir' | 'ownDir' | 'paths' | 'hasOwnUser'>;
  /** The folder of inputs, relative to the job; '' for the job itself. */
  readonly folder: string;
}

/** The inputs of one instance, as they lie in its job. */
export class JobInputs {
  #before: Manifest;
  #empty: Resources;
  #isRefreshed = false;

  private constructor(
    private readonly source: InputSource,
    private readonly place: Place,
    private readonly inputs: Inputs,
    { before, empty }: { readonly before: Manifest; readonly empty: Resources },
  ) {
    this.#before = before;
    this.#empty = empty;
  }

  /** @throws UserError, S3Error */
  static async fetch(source: InputSource, place: Place, signal: AbortSignal): Promise<JobInputs> {
    const { prepared, folder } = place;
    const { jobDir, paths, hasOwnUser: mayLink } = prepared;
    const { resources, pin, ...store } = await source();
    const { inputs, empty } = await downloadInputs(store, resources, join(jobDir, folder), { signal, mayLink, pin });
    const before = await manifestOf(jobDir, { seenAs: paths.job, signal });
    return new JobInputs(source, place, inputs, { before, empty });
  }

  /** What the platform brought: no result of the command unless that changes it. */
  get before(): Manifest {
    return this.#before;
  }

  /** What its owner should know of what was brought. */
  get notes(): readonly string[] {
    return notesOfInputs(this.#empty);
  }

  /** Whether files were brought after the command had begun. */
  get isRefreshed(): boolean {
    return this.#isRefreshed;
  }

  /** The list of them, as an object of the storage; undefined where they are too many for one. */
  manifest(): Buffer | undefined {
    return inputManifestOf(this.inputs, this.#isRefreshed);
  }

  /** Fetches what is new in the buckets while the instance runs. @param into another folder than its job @throws UserError, S3Error */
  async bringNew(signal: AbortSignal, into?: string): Promise<void> {
    const { prepared, folder } = this.place;
    const { jobDir, ownDir = jobDir } = prepared;
    const place = { jobDir: into ?? jobDir, folder, stagingDir: dirname(ownDir) };
    const { resources, pin, ...store } = await this.source();
    if (pin) return;
    // Before: what is under way may be read already.
    this.#isRefreshed = true;
    const { replaced, empty } = await refreshInputs(store, resources, place, this.inputs, signal);
    this.#before = new Map([...this.#before, ...replaced]);
    this.#empty = empty;
  }
}
