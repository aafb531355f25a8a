import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { NotFound, RpcClient } from '@fornax/base';
import {
  foundNodesSchema,
  nodeSearchSchema,
  profileNeedsReplySchema,
  RPC,
  type FoundNodes,
  type NodeSearch,
} from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import { WireBody } from '@fornax/service-kit';
import { latestProfile, needsOf, type InstanceNeeds } from '@fornax/domain';
import { foundNodes } from '../fleet/found-nodes.js';
import { FleetReader } from './fleet-reader.js';

/** Which nodes a task that is only thought of may run on. */
@ApiTags('nodes')
@Controller('fornax/v1/nodes/search')
export class NodeSearchController {
  constructor(
    private readonly fleet: FleetReader,
    private readonly rpc: RpcClient,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'How many nodes may run a task of this profile with these hardware constraints' })
  @ApiOkResponse({ standardSchema: foundNodesSchema })
  @ApiNotFoundResponse({ description: 'There is no profile of this name' })
  async search(
    @WireBody(nodeSearchSchema) search: NodeSearch,
    @CurrentAccount() account: Account,
  ): Promise<FoundNodes> {
    const { profile: name, hardwareConstraints = [] } = search;
    const needs = name === undefined ? undefined : await this.needsOf(name, account);
    const nodes = await this.fleet.nodes();
    return foundNodes(
      nodes.map(({ state }) => state),
      hardwareConstraints,
      needs,
    );
  }

  /** Submission knows the profiles that people publish, who may use them, and whether ports are forwarded here. @throws NotFound, Unavailable */
  private async needsOf(name: string, { id: accountId }: Account): Promise<InstanceNeeds> {
    const own = latestProfile(name);
    const needsOfOwn = own && needsOf({ profile: name, profileVersion: own.version, constants: [], echo: {} });
    if (needsOfOwn && !needsOfOwn.waysIn) return needsOfOwn;
    const asked = { profile: name, accountId };
    const { needs } = await this.rpc.request(RPC.profileNeeds, asked, profileNeedsReplySchema);
    const found = needs ?? needsOfOwn;
    if (!found) throw new NotFound(`There is no profile ${name}`);
    return found;
  }
}
