import { Controller } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { nodeRpcPattern, parseNodeRpcSubject, waysRequestSchema, type WaysReply } from '@fornax/contracts';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import { Forwarders } from '@fornax/tasks';
import { WaysDoor } from './ways-door.js';

/** Tells nodes where to connect to, so that ports of their instances are forwarded. */
@Controller()
export class WaysController {
  constructor(
    private readonly door: WaysDoor,
    private readonly forwarders: Forwarders,
  ) {}

  @RpcHandler(nodeRpcPattern('ways'))
  async answer(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<WaysReply> {
    const node = parseNodeRpcSubject(context.getSubject());
    const reply = await this.door.of(node, parseInput(waysRequestSchema, payload));
    return reply.granted ? { ...reply, forwarder: this.forwarders.seal } : reply;
  }
}
