import { Inject, Injectable } from '@nestjs/common';
import { type Clock, Gathered, newId } from '@fornax/base';
import { secretAccessDecider, type SecretGrant } from '@fornax/domain';
import { decideAndAppend, type EventLog, type Loaded } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { RecentGrants } from './recent-grants.js';

type State = (typeof secretAccessDecider)['initial'];

/** Tasks whose last commit is remembered. */
const MOST_TASKS = 1_000;
/** Grants in one commit. */
const MOST_AT_ONCE = 500;

/** Grants of one task: those that come while some are taken down are taken down together. */
interface GrantsOfTask {
  readonly gathered: Gathered<SecretGrant, undefined>;
  /** Without it each commit would read all that were made before. */
  last?: Loaded<State>;
}

/** Takes down in the log which lease was given which secrets. */
@Injectable()
export class SecretGrants {
  private readonly tasks = new Map<string, GrantsOfTask>();
  private readonly recent = new RecentGrants();

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Resolves once it is in the log. What is there is not taken down again: an instance that asks without end, or its node, would fill the log.
   * @throws LogUnavailable, OutcomeUnknown, Outrun
   */
  async record(grant: SecretGrant): Promise<void> {
    const secrets = this.recent.newOf(grant);
    if (secrets.length === 0) return;
    const news = { ...grant, secrets };
    await this.ofTask(grant.taskId).gathered.ask(news);
    this.recent.add(news);
  }

  /** The oldest are forgotten: what is waited for stays with who waits. */
  private ofTask(taskId: string): GrantsOfTask {
    const known = this.tasks.get(taskId);
    if (known) return known;
    const task: GrantsOfTask = {
      gathered: new Gathered(
        async (grants) => {
          await this.append(taskId, task, grants);
          return grants.map(() => undefined);
        },
        { most: MOST_AT_ONCE, isRepeatable: () => false },
      ),
    };
    this.tasks.set(taskId, task);
    const [oldest] = this.tasks.keys();
    if (this.tasks.size > MOST_TASKS && oldest !== undefined) this.tasks.delete(oldest);
    return task;
  }

  private async append(taskId: string, task: GrantsOfTask, grants: readonly SecretGrant[]): Promise<void> {
    const at = this.clock.now();
    const { state, sequence } = await decideAndAppend({
      log: this.log,
      aggregate: 'secret-access',
      id: taskId,
      decider: secretAccessDecider,
      command: { type: 'RecordGrants', grants, at },
      commitId: newId(),
      meta: {
        actor: 'service:submission',
        onBehalfOf: `user:${grants[0]?.owner ?? ''}`,
        source: 'submission',
        correlationId: `secrets:${taskId}`,
      },
      at,
      ...(task.last === undefined ? {} : { loaded: task.last }),
    });
    task.last = { state, sequence };
  }
}
