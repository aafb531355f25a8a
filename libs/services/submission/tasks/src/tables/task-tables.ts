import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Invalid, type Clock } from '@fornax/base';
import type { TaskTable } from '@fornax/domain';
import { CLOCK, CORE_CONFIG, ServiceArea, type CoreConfig, masterKeyOf } from '@fornax/service-kit';
import { TASKS_CONFIG, type TasksConfig } from '../config/tasks-config.js';
import type { ParameterTable } from './parameter-table.js';
import { objectOf, tableIn } from './table-object.js';

/** Tables in memory, those that instances ask for over and over: one of a hundred thousand rows takes ten megabytes. */
const MOST_KEPT = 8;

/**
 * Keeps tables of parameters beside the log, which names them by their digests: ten thousand rows would be an event of megabytes. A table lies in the
 * storage before the log has its task, and goes with its task.
 */
@Injectable()
export class TaskTables implements OnApplicationShutdown {
  private readonly area: ServiceArea;
  /** The last used last. */
  private readonly kept = new Map<string, Promise<ParameterTable | undefined>>();

  constructor(
    @Inject(TASKS_CONFIG) config: TasksConfig,
    @Inject(CORE_CONFIG) core: CoreConfig,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.area = new ServiceArea({
      endpoint: config.storageUrl ?? core.publicStorageUrl,
      service: 'submission',
      area: 'tables',
      masterKey: masterKeyOf(core),
      clock,
      outage: 'Tables of parameters cannot be reached now. Please try again.',
    });
  }

  /**
   * Stores the table of a task that is about to be submitted; safe to repeat. If the task does not come to be, the table is of no use to anybody and does no
   * harm; it is not removed, for another request may just have submitted the same.
   * @throws Unavailable
   */
  async store(taskId: string, table: ParameterTable): Promise<void> {
    const { bytes, about } = objectOf(table);
    await this.area.put(keyOf(taskId, about), bytes);
  }

  /** @returns undefined when it is lost @throws Unavailable */
  read(taskId: string, table: Pick<TaskTable, 'digest'>): Promise<ParameterTable | undefined> {
    const key = keyOf(taskId, table);
    const known = this.kept.get(key);
    const reading = known ?? this.fetch(key, table.digest);
    this.kept.delete(key);
    this.kept.set(key, reading);
    if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value ?? '');
    return reading;
  }

  /** @throws Unavailable, Invalid it is lost */
  async need(taskId: string, table: TaskTable): Promise<ParameterTable> {
    const found = await this.read(taskId, table);
    if (!found)
      throw new Invalid(`The table of parameters of task ${taskId} is lost: give one with the request`, {
        code: 'table-lost',
      });
    return found;
  }

  onApplicationShutdown(): void {
    this.area.close();
  }

  private async fetch(key: string, digest: string): Promise<ParameterTable | undefined> {
    try {
      const bytes = await this.area.find(key);
      if (bytes) return tableIn(bytes, digest);
      this.kept.delete(key);
      return undefined;
    } catch (error) {
      // Asked again, it may be there.
      this.kept.delete(key);
      throw error;
    }
  }
}

const keyOf = (taskId: string, { digest }: Pick<TaskTable, 'digest'>): string => `${taskId}/${digest}.json`;
