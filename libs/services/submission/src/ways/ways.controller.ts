import { Controller } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { nodeRpcPattern, parseNodeRpcSubject, waysRequestSchema, type WaysReply } from '@fornax/contracts';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import { WaysDoor } from './ways-door.js';

/** Tells nodes where to connect to, so that ports of their instances are forwarded. */
@Controller()
export class WaysController {
  constructor(private readonly door: WaysDoor) {}

  @RpcHandler(nodeRpcPattern('ways'))
  answer(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<WaysReply> {
    return this.door.of(parseNodeRpcSubject(context.getSubject()), parseInput(waysRequestSchema, payload));
  }
}
