import { Injectable } from '@nestjs/common';
import { Conflict, RpcClient, Unavailable } from '@fornax/base';
import { holdInputsReplySchema, RPC, type HoldInputsReply } from '@fornax/contracts';
import { fromNumbers, type TaskPin } from '@fornax/domain';
import type { RequestContext } from '@fornax/identity';
import type { DataSource } from 'typeorm';
import type { RecordedInputs } from '../model/asked-pin.js';
import { InjectDatabase } from '../model/database.js';

/** Twenty thousand objects of another S3 service are looked at one by one. */
const TIMEOUT_MS = 60_000;
const MOST_NAMED = 5;

const WORDS = {
  deleted: 'is deleted',
  replaced: 'has other content',
  mode: 'has another mode',
  unreadable: 'cannot be read any more',
} as const satisfies Record<HoldInputsReply['changed'][number]['change'], string>;

/** Finds out which inputs a task had, and has storage look whether they are what they were. */
@Injectable()
export class TaskPins {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly rpc: RpcClient,
  ) {}

  /** What is recorded of the instances that are over. */
  async recorded(taskId: string): Promise<RecordedInputs> {
    const rows = await this.db.query<{ inputs: string; instances: number[] }[]>(
      'SELECT inputs, array_agg(instance) AS instances FROM completed_instance WHERE task_id = $1 AND inputs IS NOT NULL GROUP BY inputs',
      [taskId],
    );
    return new Map(rows.map(({ inputs, instances }) => [inputs, fromNumbers(instances)]));
  }

  /**
   * Keeps the lists of a pin for the new task; safe to repeat.
   * @throws Conflict an input is not what it was, with the first of them
   * @throws Unavailable storage does not answer
   */
  async hold(pin: TaskPin, fromTask: string, toTask: string, { account }: RequestContext): Promise<void> {
    const digests = pin.inputs.map(({ digest }) => digest);
    const reply = await this.ask({ owner: account.id, fromTask, toTask, digests });
    const problem = problemOf(reply, pin);
    if (problem) throw problem;
  }

  private async ask(request: object): Promise<HoldInputsReply> {
    try {
      return await this.rpc.request(RPC.holdInputs, request, holdInputsReplySchema, TIMEOUT_MS);
    } catch (cause) {
      if (!(cause instanceof Unavailable)) throw cause;
      throw new Unavailable('The storage service does not answer; nothing was submitted', { code: cause.code, cause });
    }
  }
}

const problemOf = ({ lost, refreshed, changed, changedCount }: HoldInputsReply, pin: TaskPin): Conflict | undefined => {
  const instancesOf = (digests: readonly string[]): string =>
    pin.inputs
      .filter(({ digest }) => digests.includes(digest))
      .slice(0, MOST_NAMED)
      .map(({ instances }) => instances)
      .join(', ');
  if (lost.length > 0)
    return new Conflict(`The list of the inputs of instance ${instancesOf(lost)} is lost`, { code: 'inputs-lost' });
  if (refreshed.length > 0)
    return new Conflict(
      `New files were brought to instance ${instancesOf(refreshed)} while it ran: nobody knows which it read`,
      { code: 'inputs-refreshed' },
    );
  if (changedCount === 0) return undefined;
  const named = changed.map(({ bucket, key, change }) => `${JSON.stringify(`${bucket}/${key}`)} ${WORDS[change]}`);
  const rest = changedCount > named.length ? `, and ${changedCount - named.length} more` : '';
  const what = changedCount === 1 ? '1 input is not what it was' : `${changedCount} inputs are not what they were`;
  return new Conflict(`${what}: ${named.join('; ')}${rest}`, { code: 'inputs-changed' });
};
