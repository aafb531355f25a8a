import type { IncomingHttpHeaders } from 'node:http';
import { Controller, Get, Headers, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CORE_CONFIG, Idempotent, ProjectionHost, type CoreConfig } from '@fornax/service-kit';
import { CurrentAccount, OperatorOnly, reasonOf, type Account } from '@fornax/identity';
import { Conflict } from '@fornax/base';
import { z } from 'zod';
import { NodeConnections } from '../credentials/node-connections.js';
import { NodeCommands, type TimelessNodeCommand } from '../fleet/node-commands.js';
import { NodeViews, nodeViewSchema, type NodeView } from './node-views.js';

@ApiTags('nodes')
@Controller('fornax/v1/nodes')
export class NodesController {
  constructor(
    private readonly views: NodeViews,
    private readonly commands: NodeCommands,
    private readonly projections: ProjectionHost,
    private readonly connections: NodeConnections,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
  ) {}

  @Get()
  @ApiOperation({ summary: 'All nodes that ever joined' })
  @ApiOkResponse({ standardSchema: z.array(nodeViewSchema) })
  list(@CurrentAccount() account: Account): Promise<readonly NodeView[]> {
    return this.views.list(account);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One node' })
  @ApiOkResponse({ standardSchema: nodeViewSchema })
  get(@Param('id') id: string, @CurrentAccount() account: Account): Promise<NodeView> {
    return this.views.get(id, account);
  }

  @Post(':id/drain')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @OperatorOnly()
  @ApiOperation({ summary: 'No new instances on this node; those that run go on' })
  @ApiOkResponse({ standardSchema: nodeViewSchema })
  drain(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<NodeView> {
    return this.execute(id, { type: 'DrainNode' }, account, headers);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @OperatorOnly()
  @ApiOperation({ summary: 'Ends a drain' })
  @ApiOkResponse({ standardSchema: nodeViewSchema })
  resume(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<NodeView> {
    return this.execute(id, { type: 'ResumeNode' }, account, headers);
  }

  /** A retired node's leases are taken back at once, so it must have none: an instance never runs in two places. */
  @Post(':id/retire')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @OperatorOnly()
  @ApiOperation({ summary: 'The node is gone for good; it must not hold any instance' })
  @ApiOkResponse({ standardSchema: nodeViewSchema })
  async retire(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<NodeView> {
    if (await this.views.isBusy(id))
      throw new Conflict('The node still runs instances: drain it first', { code: 'node-busy' });
    const retired = await this.execute(id, { type: 'RetireNode' }, account, headers);
    // Its keys are void from now on; what they hold open ends now, too.
    await this.connections.endVoidIfPossible(id);
    return retired;
  }

  private async execute(
    id: string,
    command: TimelessNodeCommand,
    account: Account,
    headers: IncomingHttpHeaders,
  ): Promise<NodeView> {
    const asked = { by: `user:${account.id}`, reason: reasonOf(headers) } as const;
    const { sequence } = await this.commands.execute(id, command, asked);
    await this.projections.waitFor('fleet', sequence, this.core.readYourWritesTimeoutMs);
    return this.views.get(id, account);
  }
}
