import { Controller } from '@nestjs/common';
import { constantKeyReplySchema, constantKeyRequestSchema, RPC } from '@fornax/contracts';
import { DataKeys, parseInput, RpcHandler } from '@fornax/service-kit';
import type { z } from 'zod';

/** Tells the scheduler the data keys of constants, as the master key wraps them. */
@Controller()
export class ConstantKeyController {
  constructor(private readonly keys: DataKeys) {}

  @RpcHandler(RPC.constantKey)
  async answer(payload: unknown): Promise<z.output<typeof constantKeyReplySchema>> {
    const { keyId, ownerId } = parseInput(constantKeyRequestSchema, payload);
    return { wrapped: (await this.keys.wrapped(keyId, ownerId)) ?? null };
  }
}
