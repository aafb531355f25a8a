import type { IncomingHttpHeaders } from 'node:http';
import { Controller, Delete, Get, Headers, Param, Query } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import {
  listedSnapshotSchema,
  snapshotListSchema,
  type ListedSnapshot,
  type WireSnapshotList,
} from '@fornax/contracts';
import { newId } from '@fornax/base';
import { CurrentAccount, reasonOf, type Account } from '@fornax/identity';
import { PruneSnapshotHandler } from './prune-snapshot.handler.js';
import { SnapshotReader } from './snapshot-reader.js';
import { listedSnapshot, snapshotSummary } from './wire-snapshot.js';

/** Snapshots of a task, which the contract has no list of. */
@ApiTags('snapshots')
@Controller('fornax/v1/snapshots')
export class SnapshotListController {
  constructor(
    private readonly reader: SnapshotReader,
    private readonly pruning: PruneSnapshotHandler,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'The latest hundred snapshots of a task, newest first, without what they have of each instance',
  })
  @ApiQuery({ name: 'task', description: 'Its id or shortname' })
  @ApiOkResponse({ standardSchema: snapshotListSchema })
  @ApiNotFoundResponse({ description: 'There is no such task' })
  async list(@CurrentAccount() account: Account, @Query('task') task = ''): Promise<WireSnapshotList> {
    return { snapshots: (await this.reader.latest(account, task)).map(snapshotSummary) };
  }

  @Delete(':snapshotId')
  @ApiOperation({
    summary: 'Prune a complete snapshot',
    description:
      'No instance begins with it any more. Its files go as soon as none that was about to begin with it is at it.',
  })
  @ApiOkResponse({ standardSchema: listedSnapshotSchema })
  @ApiNotFoundResponse({ description: 'There is no such snapshot' })
  @ApiConflictResponse({ description: 'It is not complete' })
  async prune(
    @CurrentAccount() account: Account,
    @Param('snapshotId') snapshotId: string,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<ListedSnapshot> {
    const asking = { account, correlationId: newId(), reason: reasonOf(headers) };
    return listedSnapshot(await this.pruning.handle(asking, snapshotId));
  }

  @Get(':snapshotId')
  @ApiOperation({ summary: 'One snapshot, whichever task it is of, with what it has of each instance' })
  @ApiOkResponse({ standardSchema: listedSnapshotSchema })
  @ApiNotFoundResponse({ description: 'There is no such snapshot' })
  async read(@CurrentAccount() account: Account, @Param('snapshotId') snapshotId: string): Promise<ListedSnapshot> {
    return listedSnapshot(await this.reader.byId(account, snapshotId));
  }
}
