import { Inject, Injectable } from '@nestjs/common';
import { Neighbors } from '../places/neighbors.js';
import { unnotedDependencies, type Outcomes } from '../queries/dependencies-view.js';
import type { WireTask, WireTaskSummary } from '@fornax/contracts';
import { CLOCK, CORE_CONFIG, type CoreConfig } from '@fornax/service-kit';
import type { Clock } from '@fornax/base';
import { nothingLive, type LiveLeases } from '../live/live-board.js';
import { LiveStatus } from '../live/live-status.js';
import { ProfileCatalogue } from '@fornax/profiles';
import type { TaskStatus } from '../model/task-status.js';
import { MOST_ENDED } from '../as-of/ended-instances.js';
import { TaskLists } from '../queries/task-lists.js';
import { workDone } from '../queries/status-view.js';
import { summaryView, type TaskInShort } from '../queries/task-summary.js';
import type { CompletedRecord } from '../model/completed-record.js';
import { ErrorTails } from '../queries/error-tails.js';
import { withResults } from '../queries/named-results.js';
import { taskView } from '../queries/task-view.js';

const cutNote = (most: number): string =>
  `Only ${most} of the ended instances are listed, failed ones first; the ranges in the status name all of them.`;

/** What an answer says beside the status. */
interface Moment {
  /** Milliseconds; running times count up to it. */
  readonly now: number;
  /** Most ended instances that are listed. */
  readonly most: number;
  readonly live?: LiveLeases;
  readonly outcomes?: Outcomes;
}

/** Turns statuses into what clients read. */
@Injectable()
export class TaskAnswers {
  @Inject(Neighbors) private readonly neighbors!: Neighbors;
  @Inject(CORE_CONFIG) private readonly core!: Pick<CoreConfig, 'publicStorageUrl'>;

  constructor(
    private readonly lists: TaskLists,
    private readonly profiles: ProfileCatalogue,
    private readonly live: LiveStatus,
    private readonly tails: ErrorTails,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async whole(tasks: readonly TaskStatus[]): Promise<WireTask[]> {
    const now = this.clock.now();
    const hasEnded = tasks.filter(({ fold }) => fold.waiting.size + fold.inFlight.size < fold.all.size);
    const most = tasks.length > 1 ? MOST_ENDED.among : MOST_ENDED.alone;
    const completed = await this.lists.completed(
      hasEnded.map(({ taskId }) => taskId),
      most,
    );
    const awaited = tasks.flatMap(({ fold }) => unnotedDependencies(fold));
    const outcomes = await this.neighbors.outcomesOf([...new Set(awaited)]);
    return tasks.map((task) => {
      const live = this.live.of(task.taskId);
      return this.view(task, completed.get(task.taskId) ?? [], { now, most, live, outcomes });
    });
  }

  /** One task, with the end of what its failed instances printed. */
  async alone(task: TaskStatus): Promise<WireTask> {
    const [answer] = await this.whole([task]);
    if (!answer) throw new Error('one task has one answer');
    return this.tails.fillIn(task, answer);
  }

  /**
   * The task as `whole` showed it when it stood so.
   * @param ended its ended instances at that time, by number, `MOST_ENDED.alone` of them at most
   * @param now the time it was then, milliseconds: running times count up to it
   */
  asOf(task: TaskStatus, ended: readonly CompletedRecord[], now: number): WireTask {
    return this.view(task, ended, { now, most: MOST_ENDED.alone });
  }

  private view(
    task: TaskStatus,
    ended: readonly CompletedRecord[],
    { now, most, live = nothingLive, outcomes = new Map() }: Moment,
  ): WireTask {
    const notes = this.profiles.notesFor(task.fold.spec);
    const { succeeded, failed, cancelled } = task.fold;
    const isCut = ended.length === most && succeeded.size + failed.size + cancelled.size > most;
    const answer = taskView(task, ended, now, isCut ? [...notes, cutNote(most)] : notes, live, outcomes);
    return withResults(answer, task, ended, this.core.publicStorageUrl);
  }

  summaries(tasks: readonly TaskInShort[]): WireTaskSummary[] {
    const now = this.clock.now();
    return tasks.map((task) =>
      summaryView(task, now, task.endMs === null ? workDone(this.live.of(task.taskId).values()) : 0),
    );
  }
}
