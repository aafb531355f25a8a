import { Inject, Injectable } from '@nestjs/common';
import { backoffMs, delay, derivedId, newId } from '@fornax/base';
import type { EndedSession, OpenedSession } from '@fornax/domain';
import { type RequestContext, userMeta } from '@fornax/identity';
import { LOGGER } from '@fornax/service-kit';
import { TaskCommits, type TaskStatus } from '@fornax/tasks';
import { Carriers } from './carriers.js';

/** About two minutes: a log that is away for longer is whole again when nobody waits any more. */
const MOST_TRIES = 12;
const RETRY = { firstMs: 500, longestMs: 20_000 } as const;

interface Logger {
  warn(fields: object, message: string): void;
}

/** Records in the log of a task who has a session in an instance of it, and how that ended. */
@Injectable()
export class SessionRecords {
  constructor(
    private readonly commits: TaskCommits,
    private readonly carriers: Carriers,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws CommandRejected the instance does not run under that lease any more */
  async opened(
    { taskId: id, fold, sequence }: TaskStatus,
    session: OpenedSession,
    context: RequestContext,
  ): Promise<void> {
    const command = { type: 'OpenSession', ...session, carrier: this.carriers.own } as const;
    const loaded = { state: fold, sequence };
    await this.commits.decideOnRequest({ id, owner: fold.owner, command, context, hasBody: true, loaded });
  }

  /**
   * Tells again until it is recorded, or until the signal aborts: then it is left to whoever finds that nobody carries the session (`LostSessions`). Never rejects.
   */
  async ended(
    { taskId: id, fold }: TaskStatus,
    session: EndedSession,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<void> {
    const command = { type: 'EndSession', ...session } as const;
    const meta = userMeta('submission', context, { kind: 'user', id: fold.owner });
    const commitId = newId();
    for (let failures = 1; failures <= MOST_TRIES && !signal.aborted; failures += 1)
      try {
        await this.commits.decide({ id, command, commitId, meta });
        return;
      } catch (error) {
        const what = { err: error, task: id, session: session.session };
        this.logger.warn(what, 'the end of a session was not recorded');
        await delay(backoffMs(failures, RETRY), signal, { ref: false });
      }
  }

  /** Tells that nobody carries it any more. Nothing comes of it where its end was told. @throws LogUnavailable */
  async lost(id: string, owner: string, session: Pick<EndedSession, 'session' | 'instance'>): Promise<void> {
    const command = { type: 'EndSession', ...session, bytesIn: 0, bytesOut: 0, because: 'carrier-lost' } as const;
    const meta = {
      actor: 'service:submission' as const,
      onBehalfOf: `user:${owner}` as const,
      source: 'submission',
      correlationId: `carrier-lost:${session.session}`,
    };
    await this.commits.decide({ id, command, commitId: derivedId('carrier-lost', session.session), meta });
  }
}
