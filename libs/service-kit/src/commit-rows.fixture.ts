import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { AccountRole } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import type { Projection } from '@fornax/projections';
import { aCommit } from '@fornax/testing';
import type { EntityManager, MigrationInterface, QueryRunner } from 'typeorm';
import { EVENT_LOG } from './index.js';
import { type TestApp } from './run/test-app.fixture.js';
import { hashToken, Sealer } from '@fornax/identity';
import { newId } from '@fornax/base';

const QUOTAS = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };

/** Makes the table of `CommitRows`. */
export class CreateCommitRows1700000000001 implements MigrationInterface {
  readonly name = 'CreateCommitRows1700000000001';
  readonly version = 1;
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE commit_row (sequence bigint PRIMARY KEY, id text NOT NULL)');
  }
  async down(): Promise<void> {}
}

/** The plainest projection, `commits`: a row for each commit of a task. */
@Injectable()
export class CommitRows implements Projection {
  readonly name = 'commits';
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['task'];
  readonly tables = ['commit_row'];
  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    await tx.query('INSERT INTO commit_row SELECT * FROM unnest($1::bigint[], $2::text[])', [
      batch.map(({ sequence }) => sequence),
      batch.map(({ id }) => id),
    ]);
  }
}

/**
 * Appends an account with one token to the log of a service.
 * @returns the sequence: `AccountDirectory.knows` it a moment later
 */
export const appendAccount = (
  { app }: TestApp,
  { email, role, token }: { readonly email: string; readonly role: AccountRole; readonly token: string },
): Promise<number> => {
  const accountId = newId();
  const facts = { accountId, email, role, at: 1_700_000_000_000 };
  const sealedSecret = app.get(Sealer).sealWithMaster(token);
  const commit = aCommit(newId(), [
    { type: 'AccountCreated', ...facts, quotas: QUOTAS },
    { type: 'TokenIssued', ...facts, tokenId: newId(), name: 'test', hash: hashToken(token), sealedSecret },
  ]);
  return app.get<EventLog>(EVENT_LOG).append('account', accountId, commit, 0);
};
