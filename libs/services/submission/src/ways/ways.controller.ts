import { Controller } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { nodeRpcPattern, parseNodeRpcSubject, waysRequestSchema, type WaysReply } from '@fornax/contracts';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import { ClusterWays } from './cluster-ways.js';

/** Tells nodes where to connect to, so that ports of their instances are forwarded. */
@Controller()
export class WaysController {
  constructor(private readonly ways: ClusterWays) {}

  @RpcHandler(nodeRpcPattern('ways'))
  async answer(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<WaysReply> {
    const node = parseNodeRpcSubject(context.getSubject());
    return this.ways.of(node, parseInput(waysRequestSchema, payload));
  }
}
