import { Inject, Injectable } from '@nestjs/common';
import { newId } from '@fornax/base';
import type { EndedSession, OpenedSession } from '@fornax/domain';
import { type RequestContext, userMeta } from '@fornax/identity';
import { LOGGER } from '@fornax/service-kit';
import { TaskCommits, type TaskStatus } from '@fornax/tasks';

interface Logger {
  warn(fields: object, message: string): void;
}

/** Records in the log of a task who has a session in an instance of it, and how that ended. */
@Injectable()
export class SessionRecords {
  constructor(
    private readonly commits: TaskCommits,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws CommandRejected the instance does not run under that lease any more */
  async opened(
    { taskId: id, fold, sequence }: TaskStatus,
    session: OpenedSession,
    context: RequestContext,
  ): Promise<void> {
    const command = { type: 'OpenSession', ...session } as const;
    const loaded = { state: fold, sequence };
    await this.commits.decideOnRequest({ id, owner: fold.owner, command, context, hasBody: true, loaded });
  }

  /** Never rejects. */
  async ended({ taskId: id, fold }: TaskStatus, session: EndedSession, context: RequestContext): Promise<void> {
    const command = { type: 'EndSession', ...session } as const;
    const meta = userMeta('submission', context, { kind: 'user', id: fold.owner });
    try {
      await this.commits.decide({ id, command, commitId: newId(), meta });
    } catch (error) {
      this.logger.warn({ err: error, task: id, session: session.session }, 'the end of a session was not recorded');
    }
  }
}
