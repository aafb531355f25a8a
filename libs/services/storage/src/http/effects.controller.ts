import { Controller, Delete, Get, HttpCode, Inject } from '@nestjs/common';
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { getDataSourceToken } from '@nestjs/typeorm';
import { owedEffectsSchema, type OwedEffects } from '@fornax/contracts';
import { CurrentAccount, OperatorOnly, type Account } from '@fornax/identity';
import { LOGGER, ZodParam } from '@fornax/service-kit';
import { Conflict, NotFound } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import type { ServiceLogger } from '../config/tokens.js';
import { EffectBell } from '../effects/effect-bell.js';
import { giveUpEffect, listEffects } from '../effects/outbox.js';

const effectId = z.string().regex(/^[1-9]\d{0,17}$/, 'must be the id of an effect');

/** What is owed to the object store. */
@ApiTags('operations')
@OperatorOnly()
@Controller('fornax/v1/buckets/effects')
export class EffectsController {
  constructor(
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
    private readonly bell: EffectBell,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
  ) {}

  @Get()
  @ApiOperation({ summary: 'What the log says about objects and is not done yet: the oldest hundred' })
  @ApiOkResponse({ standardSchema: owedEffectsSchema })
  list(): Promise<OwedEffects> {
    return listEffects(this.db);
  }

  @Delete(':id')
  @HttpCode(200)
  @ApiOperation({
    summary:
      'Give up one about results that can never be done: they stay in the staging area until their task is deleted',
  })
  @ApiOkResponse({ description: 'It is not tried any more' })
  @ApiNotFoundResponse({ description: 'No such effect: it was done, or given up' })
  @ApiConflictResponse({ description: 'It is about a bucket, whose next owner would find what is in it' })
  async giveUp(@ZodParam('id', effectId) id: string, @CurrentAccount() account: Account): Promise<void> {
    const isGone = await giveUpEffect(this.db, id);
    if (isGone === undefined) throw new NotFound(`No such effect: ${id}`);
    if (!isGone)
      throw new Conflict('What is owed to a bucket cannot be given up: its next owner would find what is in it', {
        code: 'effect-on-bucket',
      });
    this.logger.warn({ id, account: account.id }, 'an operator has given up an effect on results');
    this.bell.done.tell();
  }
}
