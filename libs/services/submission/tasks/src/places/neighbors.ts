import { Injectable } from '@nestjs/common';
import { Gathered } from '@fornax/base';
import type { TaskOutcome } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';
import { StatusBarrier } from '../model/status-barrier.js';
import type { Sibling } from './siblings.js';

interface Wanted {
  readonly owner: string;
  readonly reference: string;
}

interface Row {
  readonly at: number;
  readonly task_id: string;
  readonly job_id: string | null;
  readonly project_uuid: string | null;
  readonly instances: string;
}

/** Tasks that are asked for in one statement. */
const MOST_AT_ONCE = 1_000;

/** By id, in whichever letters, and by name in turn: with an OR, Postgres compares each reference with each task of the account. */
const FIND = `SELECT DISTINCT ON (at) at::int AS at, task_id, job_id, spec->>'projectUuid' AS project_uuid, spec->>'instances' AS instances
  FROM (
    SELECT w.at, 0 AS turn, task.* FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(owner, reference, at)
      JOIN task ON task.task_id = lower(w.reference) AND task.owner = w.owner
    UNION ALL
    SELECT w.at, 1, task.* FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(owner, reference, at)
      JOIN task ON task.shortname = w.reference AND task.owner = w.owner
  ) AS found WHERE state <> 'PendingDelete' ORDER BY at, turn`;

const OUTCOMES: Readonly<Record<string, TaskOutcome>> = {
  Success: 'success',
  Failure: 'failure',
  Cancelled: 'cancelled',
  PendingDelete: 'cancelled',
};

/** How a task ended that shows this state; undefined: it has not. */
export const outcomeOfState = (state: string): TaskOutcome | undefined => OUTCOMES[state];

/** Finds the tasks that others wait for. Tasks of a bulk ask together. */
@Injectable()
export class Neighbors {
  private readonly finding = new Gathered((wanted: readonly Wanted[]) => this.findAll(wanted), { most: MOST_AT_ONCE });

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly barrier: StatusBarrier,
  ) {}

  /** @param reference id or shortname @returns undefined when the account has no such task */
  async find(owner: string, reference: string): Promise<Sibling | undefined> {
    const wanted = { owner, reference };
    const now = await this.finding.ask(wanted);
    if (now) return now;
    // A task that another process accepted a moment ago is found all the same.
    await this.barrier.caughtUp();
    return (await this.finding.ask(wanted)) ?? undefined;
  }

  /** How those of the tasks ended that are over and still known. */
  async outcomesOf(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskOutcome>> {
    if (taskIds.length === 0) return new Map();
    const rows = await this.db.query<{ task_id: string; state: string }[]>(
      'SELECT task_id, state FROM task WHERE task_id = ANY($1::text[]) AND end_ms IS NOT NULL',
      [taskIds],
    );
    return new Map(
      rows.flatMap(({ task_id: taskId, state }) => {
        const outcome = OUTCOMES[state];
        return outcome === undefined ? [] : [[taskId, outcome] as const];
      }),
    );
  }

  private async findAll(wanted: readonly Wanted[]): Promise<readonly (Sibling | null)[]> {
    const asked = new Map(wanted.map((one) => [keyOf(one), one]));
    const keys = [...asked.keys()];
    const rows = await this.db.query<Row[]>(FIND, [
      [...asked.values()].map(({ owner }) => owner),
      [...asked.values()].map(({ reference }) => reference),
    ]);
    const found = new Map(rows.map((row) => [keys[row.at - 1], row]));
    return wanted.map((one) => {
      const row = found.get(keyOf(one));
      if (!row) return null;
      const { task_id: taskId, job_id: jobId, project_uuid: projectUuid, instances } = row;
      return { taskId, jobId, projectUuid, instances };
    });
  }
}

const keyOf = ({ owner, reference }: Wanted): string => JSON.stringify([owner, reference]);
