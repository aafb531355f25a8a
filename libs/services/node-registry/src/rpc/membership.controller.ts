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
  rotateRequestSchema,
  type JoinReply,
} from '@fornax/contracts';
import type { NodeAccess, NodeState } from '@fornax/domain';
import { ensureConsumer, isPublicNkey } from '@fornax/event-store';
import { CLOCK, MONOTONIC_CLOCK, LogWatch, NATS, RpcHandler, parseInput } from '@fornax/service-kit';
import { Forbidden, Invalid, type Clock, type MonotonicClock } from '@fornax/base';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands, type TimelessNodeCommand } from '../fleet/node-commands.js';
import { heartbeatInterval } from '../heartbeats/heartbeat-watch.js';
import { LossDetector } from '../heartbeats/loss-detector.js';
import type { NatsConnection } from '../connection/nats-connection.js';
import { NODE_REGISTRY_CONFIG, type NodeRegistryConfig } from '../config/node-registry.config.js';

/** An agent that does not acknowledge an order within this time gets it again; it drops what it has. */
const DISPATCH_ACK_WAIT_MS = 30_000;

/** Nodes come and go: requests of agents. */
@Controller()
export class MembershipController {
  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(NODE_REGISTRY_CONFIG) private readonly config: NodeRegistryConfig,
    private readonly fleet: Fleet,
    private readonly commands: NodeCommands,
    private readonly detector: LossDetector,
    private readonly watch: LogWatch,
  ) {}

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
    const { epoch, access } = await this.execute(nodeId, {
      type: 'JoinNode',
      nodeId,
      bootId,
      hardware,
      driver,
      warnings,
    });
    this.detector.watch.welcome(nodeId, epoch, this.monotonic.elapsed(), this.clock.now());
    const {
      FORNAX_NODE_GRACE_MS: graceMs,
      FORNAX_HEARTBEAT_MS: baseMs,
      FORNAX_HEARTBEAT_LEASES_MS: listMs,
    } = this.config;
    const heartbeatMs = heartbeatInterval(baseMs, graceMs, this.fleet.size);
    const leaseListMs = Math.max(heartbeatMs, listMs);
    const { lastAcceptedAt } = this.watch;
    return {
      nodeEpoch: epoch,
      heartbeatMs,
      graceMs,
      leaseListMs,
      ...(lastAcceptedAt === undefined ? {} : { logAcceptedAt: lastAcceptedAt }),
      ...(this.isKeyDue(access) ? { rotate: true } : {}),
    };
  }

  /** A node's next key: it opens from the answer on, beside the one that the node has until the next was used once. */
  @RpcHandler(nodeRpcPattern('rotate'))
  async rotate(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<object> {
    const { nodeId, publicKey } = parseInput(rotateRequestSchema, payload);
    const sender = this.senderOf(context, nodeId);
    if (!isPublicNkey(publicKey, 'user')) throw new Invalid('publicKey is not the public half of a NATS user key');
    await this.execute(sender, { type: 'RotateCredential', publicKey });
    return {};
  }

  /** An agent that stops in order: its instances are over, so its leases can be taken back at once. */
  @RpcHandler(nodeRpcPattern('leave'))
  async leave(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<object> {
    const { nodeId, nodeEpoch } = parseInput(leaveRequestSchema, payload);
    await this.execute(this.senderOf(context, nodeId), { type: 'LoseNode', epoch: nodeEpoch, cause: 'left' });
    return {};
  }

  /** Whether an operator asked for a new key, or the newest one is old enough. */
  private isKeyDue(access: NodeAccess | undefined): boolean {
    const newest = access?.keys.at(-1);
    if (!access || !newest) return false;
    const { FORNAX_NODE_KEY_ROTATION_MS: ageMs } = this.config;
    return access.isRotationRequested || (ageMs > 0 && this.clock.now() - newest.issuedAt >= ageMs);
  }

  /** The subject is what NATS permissions prove. @throws Forbidden */
  private senderOf(context: NatsContext, claimed: string): string {
    const sender = parseNodeRpcSubject(String(context.getSubject()));
    if (sender !== claimed) throw new Forbidden('A node speaks for itself only');
    return sender;
  }

  private async execute(nodeId: string, command: TimelessNodeCommand): Promise<NodeState> {
    return (await this.commands.execute(nodeId, command, { by: `node:${nodeId}` })).state;
  }
}
