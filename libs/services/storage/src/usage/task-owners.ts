import { Inject, Injectable } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';

const MOST_KNOWN = 100_000;
const AT_ONCE = 16;

/** Whose tasks are, as the first event of each says; that never changes. */
@Injectable()
export class TaskOwners {
  readonly #known = new Map<string, string>();

  constructor(@Inject(EVENT_LOG) private readonly log: EventLog) {}

  /** Of the tasks that belong to an owner. */
  async among(taskIds: readonly string[], owner: string): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (let at = 0; at < taskIds.length; at += AT_ONCE)
      await Promise.all(
        taskIds.slice(at, at + AT_ONCE).map(async (taskId) => {
          if ((await this.#of(taskId)) === owner) found.add(taskId);
        }),
      );
    return found;
  }

  async #of(taskId: string): Promise<string | undefined> {
    const known = this.#known.get(taskId);
    if (known !== undefined) return known;
    const [first] = await this.log.readAggregate('task', taskId, 0, 1);
    const submitted = first?.events.find(({ type }) => type === 'TaskSubmitted');
    // A table lies in the storage before its task is in the log: asked again, somebody owns it.
    if (submitted?.type !== 'TaskSubmitted') return undefined;
    const { owner } = submitted;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(taskId, owner);
    return owner;
  }
}
