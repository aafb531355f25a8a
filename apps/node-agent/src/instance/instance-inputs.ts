import type { LeaseOrder } from '@fornax/contracts';
import type { PreparedInstance } from '@fornax/drivers';
import type { S3Client } from '@fornax/s3';

import type { Over } from '../files/lower-tree.js';
import type { InstanceWorld } from './instance-world.js';
import { type InputSource, JobInputs } from './job-inputs.js';
import type { LeaseGrant } from './lease-grant.js';
import type { Patience } from './patience.js';
import { readPin } from './pinned-inputs.js';
import { type RefreshAsker, ResourceRefresh } from './resource-refresh.js';
import { type Manifest, manifestOf } from './results.js';
import { type Slot, type SlotTree, placeSlotFiles } from './slot.js';

/** What lies in a job without inputs before its command begins. */
const NOTHING: Manifest = new Map();

type World = Pick<InstanceWorld, 'cache' | 'records' | 'patienceMs' | 'slot' | 'onError'>;

/** What an instance may do in storage. */
export interface InstanceRights {
  readonly grant: Pick<LeaseGrant, 'get'>;
  /** The storage with the rights of the grant. */
  readonly storage: () => Promise<S3Client>;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** What the platform brings into the job of one instance: its inputs, new ones while it runs, and what lies in its slot. */
export class InstanceInputs {
  readonly #refresh: ResourceRefresh;
  #inputs: JobInputs | undefined;
  /** Digest of the list of them, once it is stored. */
  #recorded: Promise<string | undefined> | undefined;
  /** What its slot has brought into its job. */
  #placed: Manifest = NOTHING;
  #over: Over | undefined;
  #leaveSlot: (() => void) | undefined;

  constructor(
    private readonly world: World,
    private readonly order: LeaseOrder,
    private readonly rights: InstanceRights,
  ) {
    this.#refresh = new ResourceRefresh((error) => world.onError(error));
  }

  /** No result of the command unless that changes it. */
  get before(): Manifest {
    const inputs = this.#inputs?.before ?? NOTHING;
    return this.#placed.size === 0 ? inputs : new Map([...this.#placed, ...inputs]);
  }

  get notes(): readonly string[] {
    return this.#inputs?.notes ?? [];
  }

  /** @param folder where inputs go, relative to the job @throws UserError, S3Error */
  async fetch(prepared: PreparedInstance, folder: string): Promise<void> {
    this.#inputs = await JobInputs.fetch(() => this.#source(), { prepared, folder }, this.rights.signal);
  }

  /** Takes room in its slot. @returns what lies there; undefined: nothing @throws Error the slot is not here any more */
  enterSlot(): SlotTree | undefined {
    const { inSlot } = this.order;
    if (inSlot === undefined) return undefined;
    const slot = this.world.slot?.(inSlot);
    if (!slot) throw new Error('the slot of the pool is not here any more');
    const { tree, leave } = slot.enter();
    this.#leaveSlot = leave;
    return slot.isEmpty ? undefined : tree;
  }

  /** What lies in its slot is its own from now on. */
  async haveTree(
    { dir, lower }: SlotTree,
    { jobDir, ownDir, paths, hasOwnUser: mayLink }: PreparedInstance,
  ): Promise<void> {
    const { signal } = this.rights;
    if (lower && ownDir !== undefined) {
      this.#placed = lower.manifest;
      this.#over = { lower, ownDir };
    } else if (await placeSlotFiles(dir, jobDir, { mayLink, signal }))
      this.#placed = await manifestOf(jobDir, { seenAs: paths.job, signal });
  }

  /** The tree that its files lie over, if they do. */
  get over(): Over | undefined {
    return this.#over;
  }

  leaveSlot(): void {
    this.#leaveSlot?.();
  }

  /** Fetches what is new in the buckets, once `openRefresh` was called. @param update counts the task's requests */
  refresh(update: number): void {
    this.#refresh.ask(update);
  }

  /** What was asked for and what will be is fetched from now on. @param of the slot that gets it, and who waits for that */
  openRefresh(of?: RefreshAsker & { readonly slot: Pick<Slot, 'renew'> }): void {
    const inputs = this.#inputs;
    if (!inputs) return;
    if (of) this.#refresh.open((ending) => of.slot.renew((dir) => inputs.bringNew(ending, dir)), of);
    else this.#refresh.open((ending) => inputs.bringNew(ending));
  }

  /** Nothing is fetched any more once this resolves. */
  closeRefresh(): Promise<void> {
    return this.#refresh.close();
  }

  /** Stores the list of what it got, beside the command, which does not wait for it. */
  record(): void {
    this.#recorded = this.#record();
  }

  /** @returns digest of the list of all that it got; undefined without one: a copy cannot be pinned to it */
  recorded(): Promise<string | undefined> {
    return this.#inputs?.isRefreshed === true ? this.#record() : (this.#recorded ?? Promise.resolve(undefined));
  }

  /** Never rejects. */
  async #record(): Promise<string | undefined> {
    const bytes = this.#inputs?.manifest();
    if (!bytes) return undefined;
    const { storage, signal } = this.rights;
    try {
      const options = { signal, ...patienceOf(this.world) };
      return await this.world.records.store(storage, this.order.taskId, bytes, options);
    } catch (error) {
      if (!signal.aborted) this.world.onError(error);
      return undefined;
    }
  }

  /** The inputs that it may read now; an earlier scheduler does not say which. */
  async #source(): Promise<Awaited<ReturnType<InputSource>>> {
    const { owner, resources, taskId } = this.order;
    const { grant, storage, signal } = this.rights;
    const { inputs = resources, pin } = await grant.get();
    const s3 = await storage();
    const pinned = pin === undefined ? undefined : await readPin(s3, taskId, pin, signal);
    return { s3, owner, cache: this.world.cache, resources: inputs, pin: pinned };
  }
}

/** How long storage may fail. */
export const patienceOf = ({ patienceMs }: Pick<InstanceWorld, 'patienceMs'>): Pick<Patience, 'patienceMs'> =>
  patienceMs === undefined ? {} : { patienceMs };
