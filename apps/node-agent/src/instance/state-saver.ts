import { delay, type RpcClient, unlessAborted } from '@fornax/base';
import {
  type LeaseOrder,
  nodeRpcSubject,
  type StateSavedReply,
  stateSavedReplySchema,
  type StateSavedRequest,
} from '@fornax/contracts';
import { isStuck, NO_SAVED_STATES, pauseBeforeRunMs, type SavedStates, withSavedState } from '@fornax/domain';

import type { InstanceSnapshots, NotTaken } from './instance-snapshots.js';
import type { KeptSnapshot } from './kept-files.js';
import { plainText } from './plain-text.js';

/** The platform may be restarted meanwhile. */
const ASK_TRIES = 12;
const ASK_TIMEOUT_MS = 10_000;
const ASK_PAUSE_MS = 1_000;

/** A command that ended and said that its state is saved. */
export interface SavedRun {
  readonly exitCode: number;
  /** How long it ran. */
  readonly ranMs: number;
}

interface Parts {
  readonly nodeId: string;
  readonly rpc: Pick<RpcClient, 'request'>;
  readonly order: LeaseOrder;
  readonly snapshots: InstanceSnapshots;
}

/** A command that is not run again; whose fault that is. */
export interface Stuck {
  readonly message: string;
  readonly cause: 'user' | 'platform';
}

/** Has a snapshot taken of an instance whose program ended and said that its state is saved, and tells whether it is to run again. */
export class StateSaver {
  #states: SavedStates = NO_SAVED_STATES;
  #lastProblem: NotTaken | undefined;
  #exitCode = 0;

  /** What the last saved state holds, or what the instance began with. */
  #before: KeptSnapshot | undefined;

  constructor(private readonly parts: Parts) {
    this.#before = parts.snapshots.last;
  }

  /** Why it is not run again: it only ended and began again, without getting on, or nobody can tell whether it did. */
  get stuck(): Stuck | undefined {
    const { unchanged, unseen } = this.#states;
    if (!isStuck(this.#states)) return undefined;
    const said = `The command said ${unchanged} times in a row, by its exit code ${this.#exitCode}, that its state is saved`;
    const problem = this.#lastProblem;
    if (unseen === 0 || problem === undefined) return { message: `${said}, and changed nothing`, cause: 'user' };
    return {
      message: `${said}, each time after a few seconds, and no snapshot could be taken to see whether it got on: ${problem.text}`,
      cause: problem.isUsers ? 'user' : 'platform',
    };
  }

  get notes(): readonly string[] {
    const { count } = this.#states;
    if (count === 0) return [];
    return [
      `It saved its state ${count} ${count === 1 ? 'time' : 'times'} (exit code ${this.#exitCode})`,
      ...(this.#lastProblem === undefined ? [] : [`No snapshot was taken of a saved state: ${this.#lastProblem.text}`]),
    ];
  }

  /** @returns whether it is to run again; by then it is time to. False also once the signal has aborted. */
  async save({ exitCode, ranMs }: SavedRun, signal: AbortSignal): Promise<boolean> {
    const { snapshots } = this.parts;
    this.#exitCode = exitCode;
    const problem = await unlessAborted(this.#snapshot(exitCode, signal), signal);
    if (signal.aborted) return false;
    this.#lastProblem = problem ?? this.#lastProblem;
    const files = problem === undefined ? snapshots.comparedWith(this.#before) : 'unknown';
    if (problem === undefined) this.#before = snapshots.last;
    this.#states = withSavedState(this.#states, { ranMs, files });
    if (isStuck(this.#states)) return false;
    await delay(pauseBeforeRunMs(this.#states), signal);
    // Whoever else copies its files sees them as they are.
    await unlessAborted(snapshots.moments.passed(), signal);
    return !signal.aborted;
  }

  /** @returns why there is none */
  async #snapshot(exitCode: number, signal: AbortSignal): Promise<NotTaken | undefined> {
    const { nodeId, order, snapshots } = this.parts;
    const { leaseId, taskId, instance } = order;
    const number = this.#states.count + 1;
    const request = { leaseId, taskId, instance, number, exitCode };
    try {
      const reply = await this.#ask(nodeRpcSubject(nodeId, 'state-saved'), request, signal);
      if (reply.triggered) return await snapshots.taken(reply.snapshotId);
      return { text: reply.reason, isUsers: reply.isUsers === true };
    } catch (error) {
      return { text: plainText(error), isUsers: false };
    }
  }

  /** Again and again under the same number and name: the first answer may be the one that is lost. @throws Error */
  async #ask(subject: string, request: StateSavedRequest, signal: AbortSignal): Promise<StateSavedReply> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.parts.rpc.request(subject, request, stateSavedReplySchema, ASK_TIMEOUT_MS);
      } catch (error) {
        if (signal.aborted || tries === ASK_TRIES) throw error;
        await delay(ASK_PAUSE_MS, signal);
      }
    }
  }
}
