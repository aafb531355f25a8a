import { Inject, Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { CommitMeta, WireExpiryRule } from '@fornax/contracts';
import type { BucketExpiryCommand } from '@fornax/domain';
import type { Clock } from '@fornax/base';
import { CLOCK } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { BucketDecisions, type TimelessBucketCommand } from './bucket-decisions.js';
import { bucketScope, expiryScope } from '../effects/object-effect.js';

interface RuleRow {
  readonly bucket: string;
  readonly owner: string;
  readonly prefix: string;
  readonly after_seconds: string;
  readonly expired_objects: string;
  readonly expired_bytes: string;
  readonly expired_at: Date | null;
}

/** A rule that may be applied now. */
export interface DueRule {
  readonly bucket: string;
  readonly owner: string;
  readonly prefix: string;
  readonly afterSeconds: number;
}

/** Expiry rules of buckets: decided by the log, read from the rows. */
@Injectable()
export class ExpiryRules {
  constructor(
    private readonly decisions: BucketDecisions,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
  ) {}

  /**
   * @returns sequence of the commit, and whether anything was decided
   * @throws CommandRejected
   */
  decide(
    bucket: string,
    command: Extract<TimelessBucketCommand, Pick<BucketExpiryCommand, 'type'>>,
    meta: CommitMeta,
  ): Promise<{ readonly sequence: number; readonly hasChanged: boolean }> {
    return this.decisions.append(bucket, command, meta);
  }

  /** By the clock that decides. */
  now(): number {
    return this.clock.now();
  }

  async of(bucket: string): Promise<readonly WireExpiryRule[]> {
    const rows = await this.db.query<RuleRow[]>('SELECT * FROM bucket_expiry WHERE bucket = $1 ORDER BY prefix', [
      bucket,
    ]);
    return rows.map((row) => ({
      prefix: row.prefix,
      afterSeconds: Number(row.after_seconds),
      expiredObjects: Number(row.expired_objects),
      expiredBytes: Number(row.expired_bytes),
      expiredAt: row.expired_at === null ? null : row.expired_at.toISOString(),
    }));
  }

  /** Those of buckets to which nothing is owed: what was found to be over is gone by then, and is not found again. */
  async due(): Promise<readonly DueRule[]> {
    const rows = await this.db.query<RuleRow[]>(
      `SELECT bucket, owner, prefix, after_seconds FROM bucket_expiry JOIN bucket ON name = bucket
        WHERE NOT EXISTS (SELECT FROM object_effect WHERE scope IN ('${bucketScope('')}' || bucket, '${expiryScope('')}' || bucket))
        ORDER BY bucket, prefix`,
    );
    return rows.map(({ bucket, owner, prefix, after_seconds: seconds }) => {
      return { bucket, owner, prefix, afterSeconds: Number(seconds) };
    });
  }
}
