import type { IncomingHttpHeaders } from 'node:http';
import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { snapshotSchema, type WireSnapshot } from '@fornax/contracts';
import { CLOCK, Idempotent } from '@fornax/service-kit';
import { CurrentAccount, reasonOf, type Account } from '@fornax/identity';
import { newId, type Clock } from '@fornax/base';
import { PlanSnapshotsHandler } from './plan-snapshots.handler.js';
import { SnapshotReader } from './snapshot-reader.js';
import { TriggerSnapshotHandler } from './trigger-snapshot.handler.js';
import { MOST_NOTES, periodicSchema, readPeriodic, readTrigger, triggerSchema, wireSnapshot } from './wire-snapshot.js';

/** Snapshots of running tasks (contract, sections 2.2, 3.20, 4.7). */
@ApiTags('snapshots')
@Controller('tasks/:id/snapshot')
export class SnapshotsController {
  constructor(
    private readonly trigger: TriggerSnapshotHandler,
    private readonly plan: PlanSnapshotsHandler,
    private readonly reader: SnapshotReader,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @Idempotent({ service: 'snapshot', repeatable: false })
  @ApiOperation({ summary: 'Take a snapshot of the running instances' })
  @ApiOkResponse({ standardSchema: snapshotSchema })
  create(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Body({ schema: triggerSchema }) body: unknown,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<WireSnapshot> {
    const asking = { account, correlationId: newId(), reason: reasonOf(headers) };
    return this.trigger.handle(asking, id, readTrigger(body), this.clock.now());
  }

  @Post('periodic')
  @HttpCode(200)
  @ApiOperation({ summary: 'Take a snapshot every so many seconds from now on; 0: no more' })
  periodic(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Body({ schema: periodicSchema }) body: unknown,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<void> {
    const asking = { account, correlationId: newId(), reason: reasonOf(headers) };
    return this.plan.handle(asking, id, readPeriodic(body));
  }

  @Get(':snapshotId')
  @ApiOperation({ summary: 'How a snapshot stands' })
  @ApiOkResponse({ standardSchema: snapshotSchema })
  async read(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('snapshotId') snapshotId: string,
  ): Promise<WireSnapshot> {
    return wireSnapshot(await this.reader.summary(account, id, snapshotId, MOST_NOTES));
  }
}
