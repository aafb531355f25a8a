import { Inject, Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { ObjectStore, Place } from '@fornax/object-store';
import type { DataSource } from 'typeorm';
import { OBJECT_STORE } from '../config/tokens.js';
import { owedPrefixes } from '../effects/outbox.js';
import { STAGING_BUCKET } from '../model/bucket-names.js';
import { SentCounter } from '../metering/sent-bytes.js';
import type { S3Parts } from '../s3/exchange.js';
import { StorageReads } from '../reading/storage-reads.js';

/** Leases whose results are looked through, the oldest first. Where more wait, an object that is with none of these may be a result of one of the others. */
const MOST_LOOKED_AT = 1_000;
const AT_ONCE = 50;

/** What a read at the front door waits for, what it may not call missing, and where its bytes are counted. */
@Injectable()
export class DoorReads implements Pick<S3Parts, 'catchUp' | 'isOnItsWay' | 'sent'> {
  constructor(
    private readonly reads: StorageReads,
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
    private readonly counter: SentCounter,
  ) {}

  readonly catchUp = (): Promise<void> => this.reads.catchUp();

  readonly sent: S3Parts['sent'] = (bytes) => this.counter.add(bytes);

  readonly isOnItsWay = async ({ bucket, key }: Place): Promise<boolean> => {
    const owed = await owedPrefixes(this.db, MOST_LOOKED_AT + 1);
    const looked = owed.slice(0, MOST_LOOKED_AT);
    for (let from = 0; from < looked.length; from += AT_ONCE) {
      const heads = looked
        .slice(from, from + AT_ONCE)
        .map((prefix) => this.store.head(STAGING_BUCKET, `${prefix}${bucket}/${key}`));
      if ((await Promise.all(heads)).some((info) => info !== undefined)) return true;
    }
    return owed.length > looked.length;
  };
}
