import { Controller, Inject } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import {
  STREAMS,
  dispatchConsumer,
  dispatchSubject,
  joinRequestSchema,
  leaveRequestSchema,
  nodeRpcPattern,
  parseNodeRpcSubject,
  type JoinReply,
  type RecordedCommit,
} from '@fornax/contracts';
import { CommandRejected, ensureConsumer } from '@fornax/event-store';
import { CLOCK, Forbidden, LogHandler, NATS, Refused, RpcHandler, parseInput, type Clock } from '@fornax/service-kit';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands, type TimelessNodeCommand } from '../fleet/node-commands.js';
import { heartbeatInterval } from '../heartbeats/heartbeat-watch.js';
import { LossDetector } from '../heartbeats/loss-detector.js';
import type { NatsConnection } from '../nats-connection.js';
import { NODE_REGISTRY_CONFIG, type NodeRegistryConfig } from '../node-registry.config.js';

/** An agent that does not acknowledge an order within this time gets it again; it drops what it has. */
const DISPATCH_ACK_WAIT_MS = 30_000;

/** Nodes come and go: requests of agents, and the fleet in memory. */
@Controller()
export class MembershipController {
  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(NODE_REGISTRY_CONFIG) private readonly config: NodeRegistryConfig,
    private readonly fleet: Fleet,
    private readonly commands: NodeCommands,
    private readonly detector: LossDetector,
  ) {}

  @LogHandler({ name: 'node-registry-fleet', aggregates: ['node'], from: 'start' })
  follow(@Payload() batch: readonly RecordedCommit[]): Promise<void> {
    for (const commit of batch) this.fleet.fold(commit);
    return Promise.resolve();
  }

  /** Answers once the node's session is in the log and its orders have somewhere to wait. Safe to repeat: the same boot gets the same epoch. */
  @RpcHandler(nodeRpcPattern('join'))
  async join(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<JoinReply> {
    const request = parseInput(joinRequestSchema, payload);
    const nodeId = this.senderOf(context, request.nodeId);
    await ensureConsumer(this.nc, {
      stream: STREAMS.dispatch,
      durable: dispatchConsumer(nodeId),
      filterSubject: dispatchSubject(nodeId),
      ackWaitMs: DISPATCH_ACK_WAIT_MS,
    });
    const { bootId, hardware, driver, warnings } = request;
    const epoch = await this.execute(nodeId, { type: 'JoinNode', nodeId, bootId, hardware, driver, warnings });
    this.detector.watch.welcome(nodeId, epoch, this.clock.now());
    const { FORNAX_NODE_GRACE_MS: graceMs, FORNAX_HEARTBEAT_MS: baseMs } = this.config;
    return { nodeEpoch: epoch, heartbeatMs: heartbeatInterval(baseMs, graceMs, this.fleet.size), graceMs };
  }

  /** An agent that stops in order: its instances are over, so its leases can be taken back at once. */
  @RpcHandler(nodeRpcPattern('leave'))
  async leave(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<object> {
    const { nodeId, nodeEpoch } = parseInput(leaveRequestSchema, payload);
    await this.execute(this.senderOf(context, nodeId), { type: 'LoseNode', epoch: nodeEpoch, cause: 'left' });
    return {};
  }

  /** The subject is what NATS permissions prove. @throws Forbidden */
  private senderOf(context: NatsContext, claimed: string): string {
    const sender = parseNodeRpcSubject(String(context.getSubject()));
    if (sender !== claimed) throw new Forbidden('A node speaks for itself only');
    return sender;
  }

  private async execute(nodeId: string, command: TimelessNodeCommand): Promise<number> {
    try {
      const { state } = await this.commands.execute(nodeId, command, { by: `node:${nodeId}` });
      return state.epoch;
    } catch (error) {
      if (error instanceof CommandRejected)
        throw new Refused(error.rejection.detail, { code: error.rejection.code, cause: error });
      throw error;
    }
  }
}
