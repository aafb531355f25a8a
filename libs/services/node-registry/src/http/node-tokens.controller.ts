import type { IncomingHttpHeaders } from 'node:http';
import { Controller, Delete, Get, Headers, Inject, HttpCode, Post } from '@nestjs/common';
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  newNodeTokenSchema,
  nodeNameSchema,
  nodeTokenSchema,
  reasonSchema,
  type WireNewNodeToken,
  type WireNodeToken,
} from '@fornax/contracts';
import { nodeTokenStatus } from '@fornax/domain';
import { CLOCK, Idempotent, ZodBody, ZodParam } from '@fornax/service-kit';
import { CurrentAccount, OperatorOnly, reasonIn, reasonOf, type Account } from '@fornax/identity';
import type { Clock } from '@fornax/base';
import { z } from 'zod';
import { AdmissionPolicy } from '../credentials/admission-policy.js';
import { NodeTokens, type TokenRow } from '../enrollment/node-tokens.js';

const HOUR_S = 3_600;
const MAX_TTL_S = 30 * 24 * HOUR_S;

const creationSchema = z
  .object({
    /** The only name that the token can be used for; also one that there is, whose place a new machine then takes. */
    name: nodeNameSchema.nullish(),
    expiresInSeconds: z.number().int().min(1).max(MAX_TTL_S).nullish(),
    reason: reasonSchema.nullish(),
  })
  .nullish();
type Creation = z.output<typeof creationSchema>;

const tokenId = z.uuid('must be the id of a token');
const time = (at: number): string => new Date(at).toISOString();

/** One-time tokens with which machines become nodes. */
@ApiTags('nodes')
@Controller('fornax/v1/nodes/tokens')
@OperatorOnly()
export class NodeTokensController {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly policy: AdmissionPolicy,
    private readonly tokens: NodeTokens,
  ) {}

  @Post()
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true, isShownOnce: true })
  @ApiOperation({ summary: 'Makes a one-time token for a machine that is to become a node; it is shown once' })
  @ApiOkResponse({ standardSchema: newNodeTokenSchema })
  @ApiConflictResponse({ description: 'This platform cannot admit nodes of other machines; the text says why' })
  async create(
    @ZodBody(creationSchema) body: Creation,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<WireNewNodeToken> {
    this.policy.assertAdmits();
    const reason = reasonIn(body, headers);
    const wanted = {
      nodeId: body?.name ?? null,
      reason: reason ?? '',
      ttlMs: (body?.expiresInSeconds ?? HOUR_S) * 1000,
    };
    const { token, ...row } = await this.tokens.create(wanted, { by: `user:${account.id}`, reason });
    return { ...this.viewOf(row), token };
  }

  @Get()
  @ApiOperation({ summary: 'The tokens of the last 30 days, the newest first; never what opens anything' })
  @ApiOkResponse({ standardSchema: z.array(nodeTokenSchema) })
  list(): readonly WireNodeToken[] {
    return this.tokens.list().map((row) => this.viewOf(row));
  }

  @Delete(':id')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @ApiOperation({ summary: 'A token that was not used opens nothing any more' })
  @ApiOkResponse({ description: 'It opens nothing any more' })
  @ApiNotFoundResponse({ description: 'No such token' })
  @ApiConflictResponse({ description: 'It was used: revoke the node instead' })
  async revoke(
    @ZodParam('id', tokenId) id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<void> {
    await this.tokens.revoke(id, { by: `user:${account.id}`, reason: reasonOf(headers) });
  }

  private viewOf({ state, createdBy }: TokenRow): WireNodeToken {
    return {
      id: state.tokenId,
      status: nodeTokenStatus(state, this.clock.now()),
      name: state.nodeId,
      reason: state.reason,
      createdBy,
      createdAt: time(state.createdAt),
      expiresAt: time(state.expiresAt),
      usedBy: state.use?.nodeId ?? null,
      usedAt: state.use ? time(state.use.at) : null,
    };
  }
}
