import type { IncomingHttpHeaders } from 'node:http';
import { Controller, Get, Headers, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { NodeAccess, NodeHardware } from '@fornax/domain';
import { CORE_CONFIG, Idempotent, LOGGER, ProjectionHost, type CoreConfig } from '@fornax/service-kit';
import { CurrentAccount, OperatorOnly, reasonOf, type Account } from '@fornax/identity';
import { Conflict, NotFound } from '@fornax/base';
import type { Logger } from 'pino';
import { z } from 'zod';
import { NodeConnections } from '../credentials/node-connections.js';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands, type TimelessNodeCommand } from '../fleet/node-commands.js';
import { LossDetector } from '../heartbeats/loss-detector.js';
import type { NodeRow } from '../projections/node-row.js';
import { FleetReader } from './fleet-reader.js';

/** A node as people see it. Times are RFC 3339. */
export interface NodeView {
  readonly id: string;
  readonly status: string;
  readonly isDrainRequested: boolean;
  readonly epoch: number;
  readonly driver: string;
  readonly warnings: readonly string[];
  readonly hardware: NodeHardware;
  readonly joinedAt: string | null;
  readonly lostAt: string | null;
  readonly lostCause: string | null;
  /** As heard by the replica that answers; null before it heard any. */
  readonly lastHeartbeat: string | null;
  /** Leases that the node held at its last heartbeat, whoever's they are; null for all but operators. */
  readonly leases: number | null;
  /** Who drained it, when and why, while it is drained; null for all but operators. */
  readonly drain: { readonly at: string; readonly by: string; readonly reason: string | null } | null;
  /** Since when its disk has been full, so that it is given no new instances; null while it has room. */
  readonly diskFullSince: string | null;
  /** Of a node that joined with a token; null for one of the server's configuration, and for all but operators. */
  readonly credential: { readonly status: 'open' | 'rotating' | 'revoked'; readonly issuedAt: string | null } | null;
}

const dateOrNull = z.string().nullable();
const nodeViewSchema = z.object({
  id: z.string(),
  status: z.string(),
  isDrainRequested: z.boolean(),
  epoch: z.int(),
  driver: z.string(),
  warnings: z.array(z.string()),
  hardware: z.looseObject({ specificationKey: z.string(), cpuModel: z.string(), cores: z.number() }),
  joinedAt: dateOrNull,
  lostAt: dateOrNull,
  lostCause: dateOrNull,
  lastHeartbeat: dateOrNull,
  leases: z.int().nullable(),
  drain: z.object({ at: z.string(), by: z.string(), reason: z.string().nullable() }).nullable(),
  diskFullSince: dateOrNull,
  credential: z.object({ status: z.enum(['open', 'rotating', 'revoked']), issuedAt: dateOrNull }).nullable(),
});

const time = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : new Date(at).toISOString();

const credentialOf = (access: NodeAccess | undefined): NodeView['credential'] => {
  if (!access) return null;
  const { keys } = access;
  const status = keys.length === 0 ? 'revoked' : keys.length === 1 ? 'open' : 'rotating';
  return { status, issuedAt: time(keys.at(-1)?.issuedAt) };
};

@ApiTags('nodes')
@Controller('fornax/v1/nodes')
export class NodesController {
  constructor(
    private readonly fleet: FleetReader,
    private readonly known: Fleet,
    private readonly commands: NodeCommands,
    private readonly detector: LossDetector,
    private readonly projections: ProjectionHost,
    private readonly connections: NodeConnections,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
  ) {}

  @Get()
  @ApiOperation({ summary: 'All nodes that ever joined' })
  @ApiOkResponse({ standardSchema: z.array(nodeViewSchema) })
  async list(@CurrentAccount() account: Account): Promise<readonly NodeView[]> {
    return (await this.fleet.nodes()).map((row) => this.viewOf(row, account));
  }

  @Get(':id')
  @ApiOperation({ summary: 'One node' })
  @ApiOkResponse({ standardSchema: nodeViewSchema })
  async get(@Param('id') id: string, @CurrentAccount() account: Account): Promise<NodeView> {
    const [row] = await this.fleet.nodes([id]);
    if (!row) throw new NotFound('No such node');
    return this.viewOf(row, account);
  }

  @Post(':id/drain')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @OperatorOnly()
  @ApiOperation({ summary: 'No new instances on this node; those that run go on' })
  @ApiOkResponse({ standardSchema: nodeViewSchema })
  drain(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<NodeView> {
    return this.execute(id, { type: 'DrainNode' }, account, headers);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @OperatorOnly()
  @ApiOperation({ summary: 'Ends a drain' })
  @ApiOkResponse({ standardSchema: nodeViewSchema })
  resume(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<NodeView> {
    return this.execute(id, { type: 'ResumeNode' }, account, headers);
  }

  /** A retired node's leases are taken back at once, so it must have none: an instance never runs in two places. */
  @Post(':id/retire')
  @HttpCode(200)
  @Idempotent({ service: 'node-registry', repeatable: true })
  @OperatorOnly()
  @ApiOperation({ summary: 'The node is gone for good; it must not hold any instance' })
  @ApiOkResponse({ standardSchema: nodeViewSchema })
  async retire(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<NodeView> {
    const [row] = await this.fleet.nodes([id]);
    const isPresent = row?.state.status === 'online' || row?.state.status === 'draining';
    if (isPresent && (this.detector.watch.lastBeat(id)?.leases ?? 0) > 0) {
      throw new Conflict('The node still runs instances: drain it first', { code: 'node-busy' });
    }
    const retired = await this.execute(id, { type: 'RetireNode' }, account, headers);
    // Its keys are void from now on; what they hold open ends now, too.
    await this.connections
      .endVoid(id)
      .catch((err: unknown) =>
        this.logger.warn({ nodeId: id, err }, 'a retired node may still be connected; trying again'),
      );
    return retired;
  }

  private async execute(
    id: string,
    command: TimelessNodeCommand,
    account: Account,
    headers: IncomingHttpHeaders,
  ): Promise<NodeView> {
    const asked = { by: `user:${account.id}`, reason: reasonOf(headers) } as const;
    const { sequence } = await this.commands.execute(id, command, asked);
    await this.projections.waitFor('fleet', sequence, this.core.readYourWritesTimeoutMs);
    return this.get(id, account);
  }

  private viewOf({ state, warnings, joinedAt, lostAt, lostCause, drain }: NodeRow, { role }: Account): NodeView {
    const isOperator = role === 'operator';
    const beat = this.detector.watch.lastBeat(state.nodeId);
    return {
      id: state.nodeId,
      status: state.status,
      isDrainRequested: state.isDrainRequested,
      epoch: state.epoch,
      driver: state.driver,
      warnings,
      hardware: state.hardware,
      joinedAt: time(joinedAt),
      lostAt: time(lostAt),
      lostCause,
      lastHeartbeat: time(beat?.at),
      leases: (isOperator ? beat?.leases : null) ?? null,
      drain: isOperator && drain ? { ...drain, at: new Date(drain.at).toISOString() } : null,
      diskFullSince: time(this.known.get(state.nodeId)?.state.diskFullSince),
      credential: !isOperator ? null : credentialOf(this.known.get(state.nodeId)?.state.access),
    };
  }
}
