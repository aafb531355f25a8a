import { Controller, Get, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { CurrentAccount, type Account } from '@fornax/identity';
import { SnapshotReader } from './snapshot-reader.js';
import { listedSnapshot, snapshotListSchema, type WireSnapshotList } from './wire-snapshot.js';

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
}
