import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { NotFound } from '@fornax/base';
import { foundNodesSchema, nodeSearchSchema, type FoundNodes, type NodeSearch } from '@fornax/contracts';
import { WireBody } from '@fornax/service-kit';
import { latestProfile } from '@fornax/domain';
import { foundNodes } from '../fleet/found-nodes.js';
import { FleetReader } from './fleet-reader.js';

/** Which nodes a task that is only thought of may run on. */
@ApiTags('nodes')
@Controller('fornax/v1/nodes/search')
export class NodeSearchController {
  constructor(private readonly fleet: FleetReader) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'How many nodes may run a task of this profile with these hardware constraints' })
  @ApiOkResponse({ standardSchema: foundNodesSchema })
  @ApiNotFoundResponse({ description: 'There is no profile of this name' })
  async search(@WireBody(nodeSearchSchema) search: NodeSearch): Promise<FoundNodes> {
    const { profile: name, hardwareConstraints = [] } = search;
    const profile = name === undefined ? undefined : latestProfile(name);
    if (name !== undefined && profile === undefined) throw new NotFound(`There is no profile ${name}`);
    const nodes = await this.fleet.nodes();
    return foundNodes(
      nodes.map(({ state }) => state),
      hardwareConstraints,
      profile,
    );
  }
}
