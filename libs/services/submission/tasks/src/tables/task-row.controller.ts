import { Controller } from '@nestjs/common';
import { RPC, taskRowReplySchema, taskRowRequestSchema } from '@fornax/contracts';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import type { z } from 'zod';
import { rowOf } from './parameter-table.js';
import { TaskTables } from './task-tables.js';

/** Tells the scheduler and the snapshot service what the table of a task says of one instance. */
@Controller()
export class TaskRowController {
  constructor(private readonly tables: TaskTables) {}

  @RpcHandler(RPC.taskRow)
  async answer(payload: unknown): Promise<z.output<typeof taskRowReplySchema>> {
    const { taskId, digest, instance } = parseInput(taskRowRequestSchema, payload);
    const table = await this.tables.read(taskId, { digest });
    return { row: (table && rowOf(table, instance)) ?? null };
  }
}
