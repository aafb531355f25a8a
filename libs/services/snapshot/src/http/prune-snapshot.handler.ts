import { Injectable } from '@nestjs/common';
import { userMeta, type Asking } from '@fornax/identity';
import { SnapshotCommands } from '../commands/snapshot-commands.js';
import type { SnapshotRow } from '../projections/snapshot-row.js';
import { SnapshotReader } from './snapshot-reader.js';

/** Prunes a snapshot that somebody does not want to keep. */
@Injectable()
export class PruneSnapshotHandler {
  constructor(
    private readonly reader: SnapshotReader,
    private readonly commands: SnapshotCommands,
  ) {}

  /** @returns the snapshot after that @throws NotFound @throws CommandRejected it is not complete */
  async handle(asking: Asking, snapshotId: string): Promise<SnapshotRow> {
    const { owner } = await this.reader.byId(asking.account, snapshotId, 'tend');
    await this.commands.requestPrune(snapshotId, 'asked', userMeta('snapshot', asking, { kind: 'user', id: owner }));
    return this.reader.byId(asking.account, snapshotId);
  }
}
