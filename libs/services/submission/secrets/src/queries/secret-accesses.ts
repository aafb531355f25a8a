import { Injectable } from '@nestjs/common';
import type { WireSecretAccesses } from '@fornax/contracts';
import { InjectDatabase } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { AccessBarrier } from '../model/secret-accesses.projection.js';
import type { AccessRecord } from '../model/secret-access-rows.js';

/** What is asked for of the accesses of one account. */
export interface AskedAccesses {
  /** One secret, or with a slash at its end all below a folder. */
  readonly key?: string | undefined;
  readonly taskId?: string | undefined;
  /** Not before, and before: milliseconds since 1970. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** They come after this one. */
  readonly after?: readonly [sequence: string, position: string] | undefined;
  readonly most: number;
}

type Row = Omit<AccessRecord, 'owner' | 'key' | 'secret_id' | 'sequence'> & {
  readonly key: string;
  readonly sequence: string;
};

/** Lists who was given secrets of an account. */
@Injectable()
export class SecretAccesses {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly barrier: AccessBarrier,
  ) {}

  /** The newest first, with everything that was committed before. */
  async of(owner: string, { key, taskId, from, to, after, most }: AskedAccesses): Promise<WireSecretAccesses> {
    await this.barrier.caughtUp();
    const folder = key?.endsWith('/') === true ? key : undefined;
    const rows = await this.db.query<Row[]>(
      `SELECT sequence, position, key, version, way, actor, task_id, instance, lease_id, node, at_ms::float8 FROM secret_access
       WHERE owner = $1 AND ($2::text IS NULL OR key COLLATE "C" = $2) AND ($3::text IS NULL OR starts_with(key, $3))
         AND ($4::text IS NULL OR task_id = $4) AND ($5::bigint IS NULL OR at_ms >= $5) AND ($6::bigint IS NULL OR at_ms < $6)
         AND ($7::bigint IS NULL OR (sequence, position) < ($7, $8::integer))
       ORDER BY sequence DESC, position DESC LIMIT $9`,
      [
        owner,
        folder === undefined ? (key ?? null) : null,
        folder ?? null,
        taskId ?? null,
        from ?? null,
        to ?? null,
        after?.[0] ?? null,
        after?.[1] ?? null,
        most + 1,
      ],
    );
    const page = rows.slice(0, most);
    const last = rows.length > most ? page.at(-1) : undefined;
    return { accesses: page.map(wireAccess), next: last ? `${last.sequence}.${last.position}` : null };
  }
}

const wireAccess = (row: Row): WireSecretAccesses['accesses'][number] => ({
  at: new Date(row.at_ms).toISOString(),
  key: row.key,
  version: row.version,
  way: row.way,
  actor: row.actor,
  taskUuid: row.task_id,
  instanceId: row.instance,
  leaseId: row.lease_id,
  node: row.node,
});
