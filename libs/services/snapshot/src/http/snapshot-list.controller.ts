import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  listedSnapshotSchema,
  snapshotListSchema,
  type ListedSnapshot,
  type WireSnapshotList,
} from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import { SnapshotReader } from './snapshot-reader.js';
import { listedSnapshot } from './wire-snapshot.js';

/** Snapshots of a task, which the contract has no list of. */
@ApiTags('snapshots')
@Controller('fornax/v1/snapshots')
export class SnapshotListController {
  constructor(private readonly reader: SnapshotReader) {}

  @Get()
  @ApiOperation({ summary: 'The latest hundred snapshots of a task, newest first' })
  @ApiQuery({ name: 'task', description: 'Its id or shortname' })
  @ApiOkResponse({ standardSchema: snapshotListSchema })
  @ApiNotFoundResponse({ description: 'There is no such task' })
  async list(@CurrentAccount() account: Account, @Query('task') task = ''): Promise<WireSnapshotList> {
    return { snapshots: (await this.reader.latest(account, task)).map(listedSnapshot) };
  }

  @Get(':snapshotId')
  @ApiOperation({ summary: 'One snapshot, whichever task it is of' })
  @ApiOkResponse({ standardSchema: listedSnapshotSchema })
  @ApiNotFoundResponse({ description: 'There is no such snapshot' })
  async read(@CurrentAccount() account: Account, @Param('snapshotId') snapshotId: string): Promise<ListedSnapshot> {
    return listedSnapshot(await this.reader.byId(account, snapshotId));
  }
}
