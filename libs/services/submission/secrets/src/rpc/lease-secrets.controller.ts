import { Controller } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { nodeRpcPattern, parseNodeRpcSubject, secretsRequestSchema, type SecretsReply } from '@fornax/contracts';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import { LeaseSecrets } from '../commands/lease-secrets.js';

/** Tells nodes the secrets of leases that they hold. */
@Controller()
export class LeaseSecretsController {
  constructor(private readonly secrets: LeaseSecrets) {}

  @RpcHandler(nodeRpcPattern('secrets'))
  answer(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<SecretsReply> {
    return this.secrets.of(parseNodeRpcSubject(context.getSubject()), parseInput(secretsRequestSchema, payload));
  }
}
