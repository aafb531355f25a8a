import type { IncomingHttpHeaders } from 'node:http';
import { Controller, Delete, Headers, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiForbiddenResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import {
  nodeJoinSchema,
  nodeJoinedSchema,
  nodeRevocationSchema,
  nodeRotationSchema,
  type NodeJoin,
  type NodeJoined,
  type WireNodeRevocation,
} from '@fornax/contracts';
import { Idempotent, LOGGER, ZodBody } from '@fornax/service-kit';
import { AdmittedBy, CurrentAccount, OperatorOnly, reasonOf, type Account } from '@fornax/identity';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { NodeConnections } from '../credentials/node-connections.js';
import { Enrollment } from '../enrollment/enrollment.js';
import { JOIN_CHECK, JoinDoor } from '../enrollment/join-door.js';
import { NodeCommands, type Asked } from '../fleet/node-commands.js';

const askedBy = (account: Account, headers: IncomingHttpHeaders): Asked => ({
  by: `user:${account.id}`,
  reason: reasonOf(headers),
});

/** Machines that become nodes, and the keys with which they connect. */
@ApiTags('nodes')
@Controller('fornax/v1/nodes')
export class NodeCredentialsController {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly door: JoinDoor,
    private readonly enrollment: Enrollment,
    private readonly commands: NodeCommands,
    private readonly connections: NodeConnections,
  ) {}

  @Post('join')
  @HttpCode(200)
  @AdmittedBy(JOIN_CHECK)
  @ApiOperation({
    summary: 'A machine becomes a node',
    description:
      'Opened by a one-time token, as `Authorization: Bearer <token>`. The key stays on the machine: only its public half is sent.',
  })
  @ApiOkResponse({ standardSchema: nodeJoinedSchema })
  @ApiUnauthorizedResponse({ description: 'Not a token' })
  @ApiForbiddenResponse({ description: 'The token was used, revoked, has expired, or is for another name' })
  @ApiConflictResponse({ description: 'The name is taken, or this platform cannot admit nodes of other machines' })
  async join(@Req() request: FastifyRequest, @ZodBody(nodeJoinSchema) body: NodeJoin): Promise<NodeJoined> {
    return this.enrollment.join(body, await this.door.admit(request.raw));
  }

  @Post(':id/credentials/rotate')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @OperatorOnly()
  @ApiOperation({ summary: 'The node makes itself a new key soon; the old one is void once the new one was used' })
  @ApiOkResponse({ standardSchema: nodeRotationSchema })
  @ApiNotFoundResponse({ description: 'No such node' })
  @ApiConflictResponse({ description: 'The node has no credentials of its own' })
  async rotate(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<{ nodeId: string }> {
    await this.commands.execute(id, { type: 'RequestRotation' }, askedBy(account, headers));
    return { nodeId: id };
  }

  @Delete(':id/credentials')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @OperatorOnly()
  @ApiOperation({ summary: 'The node is cut off at once, may not come back, and what it ran is given to others' })
  @ApiOkResponse({ standardSchema: nodeRevocationSchema })
  @ApiNotFoundResponse({ description: 'No such node' })
  @ApiConflictResponse({ description: 'The node has no credentials of its own' })
  async revoke(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<WireNodeRevocation> {
    await this.commands.execute(id, { type: 'RevokeCredentials' }, askedBy(account, headers));
    try {
      return { nodeId: id, connectionsEnded: await this.connections.endVoid(id) };
    } catch (error) {
      this.logger.warn({ nodeId: id, err: error }, 'a revoked node may still be connected; trying again');
      return { nodeId: id, connectionsEnded: null };
    }
  }
}
