import { type RpcClient, RpcRefused, backoffMs, delay } from '@fornax/base';
import {
  type GrantReply,
  type GrantRequest,
  grantReplySchema,
  type LeaseOrder,
  nodeRpcSubject,
} from '@fornax/contracts';

import { UserError } from '../failure/user-error.js';

const TRIES_MS = 300_000;
const TIMEOUT_MS = 5_000;
const FRESH_MS = 300_000;

/** What this agent does with orders and grants, which agents of before do not. */
const TAKES = { takesRow: true, takesPin: true, takesRestore: true, takesSecrets: true } as const;

export type Granted = Extract<GrantReply, { granted: true }>;

/** The platform's no, which is an answer. */
export class NotGranted extends Error {
  override readonly name = 'NotGranted';
}

const isAnswer = (error: unknown): boolean =>
  error instanceof RpcRefused || error instanceof NotGranted || error instanceof UserError;

/** Asks the platform, for five minutes while nobody answers. @throws RpcRefused, NotGranted, UserError */
export const patiently = async <T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  const deadline = performance.now() + TRIES_MS;
  for (let failures = 1; ; failures += 1) {
    try {
      return await ask();
    } catch (error) {
      if (isAnswer(error) || performance.now() > deadline) throw error;
      await delay(backoffMs(failures), signal);
      signal.throwIfAborted();
    }
  }
};

/** An order with what its grant says of this instance alone: constants of its row, which come before those of its task. */
export const withRow = (order: LeaseOrder, { row = {} }: Pick<Granted, 'row'>): LeaseOrder => {
  const own = new Map(Object.entries(row));
  const shared = order.constants.filter(({ key }) => !own.has(key));
  return { ...order, constants: [...shared, ...[...own].map(([key, value]) => ({ key, value }))] };
};

/** What no stream may hold of a lease: its S3 credentials and its secrets, asked for when they are needed. */
export class LeaseGrant {
  #last: { readonly granted: Granted; readonly at: number } | undefined;

  constructor(
    private readonly node: { readonly nodeId: string; readonly rpc: RpcClient },
    private readonly order: Pick<LeaseOrder, 'leaseId' | 'taskId' | 'instance'>,
    private readonly signal: AbortSignal,
  ) {}

  /** The grant, asked for again when it is old. Tries for five minutes while nobody answers. @throws UserError, NotGranted */
  async get(): Promise<Granted> {
    if (this.#last && performance.now() - this.#last.at < FRESH_MS) return this.#last.granted;
    const granted = await patiently(() => this.#ask(), this.signal);
    this.#last = { granted, at: performance.now() };
    return granted;
  }

  async #ask(): Promise<Granted> {
    const { leaseId, taskId, instance } = this.order;
    const subject = nodeRpcSubject(this.node.nodeId, 'grant');
    const request: GrantRequest = { leaseId, taskId, instance, ...TAKES };
    const reply = await this.node.rpc.request(subject, request, grantReplySchema, TIMEOUT_MS);
    if (reply.granted) return reply;
    if (reply.code !== undefined) throw new UserError(reply.code, `The instance cannot begin: ${reply.reason}`);
    throw new NotGranted(`the platform did not grant the lease: ${reply.reason}`);
  }
}
