import { Inject, Injectable } from '@nestjs/common';
import type { PoolEvent, SecretEvent, TaskEvent } from '@fornax/domain';
import { Quarantine, type EventLog } from '@fornax/event-store';
import { DataKeys, EVENT_LOG, type UnnamedKey } from '@fornax/service-kit';
import { TasksToCome } from '@fornax/tasks';
import { keySaid } from '../followers/destroyed-keys.js';

const OWNERS = ['task', 'pool', 'secret'] as const;

/** Data keys that no event is known to name: it may still come, or whoever made the key died before the log had what it sealed. */
@Injectable()
export class UnnamedKeys {
  constructor(
    private readonly keys: DataKeys,
    @Inject(EVENT_LOG) private readonly log: Pick<EventLog, 'readAggregate'>,
    private readonly toCome: TasksToCome,
    private readonly quarantine: Quarantine,
  ) {}

  /** The oldest first. @param most how many */
  olderThan(ageMs: number, most: number): Promise<readonly UnnamedKey[]> {
    return this.keys.unnamed(ageMs, most);
  }

  /**
   * Destroys those that the log does not name either, however far behind those are that follow it; those that it does are noted, so that nobody asks again. What
   * cannot be read may name one: a version that can read it may come.
   * @returns how many were destroyed @throws LogUnavailable none was
   */
  async destroy(candidates: readonly UnnamedKey[]): Promise<number> {
    // Before the log: a task leaves that place once the log has it.
    const toCome = await this.toCome.among(candidates.map(({ ownerId }) => ownerId));
    const orphans: UnnamedKey[] = [];
    for (const key of candidates.filter(({ ownerId }) => !toCome.has(ownerId)))
      if (!(await this.isNamed(key))) orphans.push(key);
    const left = this.ownersLeftOut();
    const lost = orphans.filter(({ ownerId }) => !left.has(ownerId));
    return lost.length === 0 || this.quarantine.overflow > 0
      ? 0
      : this.keys.destroyUnnamed(lost.map(({ keyId }) => keyId));
  }

  /** Those of which a commit is left out, also where an operator has decided so. Reading them has put it there. */
  private ownersLeftOut(): ReadonlySet<string> {
    const left = this.quarantine.list().filter(({ what, state }) => what.kind === 'unreadable' && state !== 'retried');
    return new Set(left.flatMap(({ what }) => what.aggregateId ?? []));
  }

  private async isNamed({ keyId, ownerId }: UnnamedKey): Promise<boolean> {
    for (const aggregate of OWNERS)
      for (const { sequence, events } of await this.log.readAggregate(aggregate, ownerId))
        if ((events as readonly (TaskEvent | PoolEvent | SecretEvent)[]).some((event) => keySaid(event) === keyId)) {
          await this.keys.note([{ ownerId, keyId, sequence }]);
          return true;
        }
    return false;
  }
}
