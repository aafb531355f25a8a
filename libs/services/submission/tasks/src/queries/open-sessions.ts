import { Injectable } from '@nestjs/common';
import type { OpenSession } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';

/** Reads which sessions in instances have not ended, from the rows of the status of tasks. */
@Injectable()
export class OpenSessions {
  constructor(@InjectDatabase() private readonly db: DataSource) {}

  /** All of them, in the order of their tasks. */
  async all(): Promise<readonly (OpenSession & { readonly taskId: string; readonly owner: string })[]> {
    const rows = await this.db.query<{ task_id: string; owner: string; sessions: readonly OpenSession[] }[]>(
      `SELECT task_id, owner, fold->'openSessions' AS sessions FROM task WHERE fold->'openSessions' IS NOT NULL ORDER BY task_id`,
    );
    return rows.flatMap(({ task_id: taskId, owner, sessions }) => sessions.map((one) => ({ taskId, owner, ...one })));
  }
}
