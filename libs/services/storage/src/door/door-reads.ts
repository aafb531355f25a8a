import { Inject, Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { ObjectStore, Place } from '@fornax/object-store';
import type { DataSource } from 'typeorm';
import { OBJECT_STORE } from '../config/tokens.js';
import { owedPrefixes } from '../effects/outbox.js';
import { STAGING_BUCKET } from '../model/bucket-names.js';
import type { S3Parts } from '../s3/exchange.js';
import { StorageReads } from '../reading/storage-reads.js';

/** Leases whose results are looked through, the oldest first: who asks for those of one behind them is told that they are not there, as of a bucket that is listed meanwhile. */
const MOST_LOOKED_AT = 50;

/** What a read at the front door waits for, and what it may not call missing. */
@Injectable()
export class DoorReads implements Pick<S3Parts, 'catchUp' | 'isOnItsWay'> {
  constructor(
    private readonly reads: StorageReads,
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  readonly catchUp = (): Promise<void> => this.reads.catchUp();

  readonly isOnItsWay = async ({ bucket, key }: Place): Promise<boolean> => {
    const prefixes = await owedPrefixes(this.db, MOST_LOOKED_AT);
    const staged = await Promise.all(
      prefixes.map((prefix) => this.store.head(STAGING_BUCKET, `${prefix}${bucket}/${key}`)),
    );
    return staged.some((info) => info !== undefined);
  };
}
