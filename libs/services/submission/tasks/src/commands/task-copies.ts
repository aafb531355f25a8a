import { Injectable } from '@nestjs/common';
import type { TaskRepetition } from '@fornax/contracts';
import type { OriginKind } from '@fornax/domain';
import { TaskTables } from '../tables/task-tables.js';
import type { TaskStatus } from '../model/task-status.js';
import type { AskedTask } from './submit-task.handler.js';
import { imageOfCopy } from './pinned-image.js';
import { copyOf, type CopyPlace } from './task-copy.js';
import { TaskPins } from './task-pins.js';
import type { TaskSource } from './task-specs.js';

/** Makes of a task what asks for another one like it, and leaves it as it is. */
@Injectable()
export class TaskCopies {
  constructor(
    private readonly tables: TaskTables,
    private readonly pins: TaskPins,
  ) {}

  /** What a copy of a task asks for, and what it has of its origin. @throws Invalid, ValidationFailed */
  async of(
    kind: OriginKind,
    { fold, taskId }: TaskStatus,
    changes: TaskRepetition,
    place: CopyPlace,
  ): Promise<Pick<AskedTask, 'creation'> & { readonly source: TaskSource }> {
    const { table } = fold.spec;
    // A row stays with its instance: whichever instances the copy has, they have the numbers of their origins.
    const inherited = table && changes.fornax?.each === undefined ? await this.tables.need(taskId, table) : undefined;
    const { resources } = fold.spec;
    const isPinned = changes.fornax?.pinned === true;
    const creation = copyOf(fold, kind, changes, place);
    const pin = isPinned
      ? { resources, recorded: await this.pins.recorded(taskId), image: imageOfCopy(fold, creation) }
      : undefined;
    return {
      creation,
      source: {
        origin: { taskId, kind },
        secrets: { ...fold.spec, ownerId: taskId },
        profile: fold.spec,
        ...(inherited ? { table: inherited } : {}),
        ...(pin ? { pin } : {}),
      },
    };
  }
}
