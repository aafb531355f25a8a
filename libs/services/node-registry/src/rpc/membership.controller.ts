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
import type { NodeState } from '@fornax/domain';
import { ensureConsumer, isPublicNkey } from '@fornax/event-store';
import { NATS, RpcHandler, parseInput } from '@fornax/service-kit';
import { Forbidden, Invalid } from '@fornax/base';
import { NodeCommands, type TimelessNodeCommand } from '../fleet/node-commands.js';
import { Beats } from '../heartbeats/beats.js';
import type { NatsConnection } from '../connection/nats-connection.js';
import { SessionTerms } from './session-terms.js';

/** An agent that does not acknowledge an order within this time gets it again; it drops what it has. */
const DISPATCH_ACK_WAIT_MS = 30_000;

/** Nodes come and go: requests of agents. */
@Controller()
export class MembershipController {
  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    private readonly commands: NodeCommands,
    private readonly beats: Beats,
    private readonly terms: SessionTerms,
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
    const { bootId, hardware, driver, warnings, leasesAhead } = request;
    const { epoch, access } = await this.execute(nodeId, {
      type: 'JoinNode',
      nodeId,
      bootId,
      hardware,
      driver,
      warnings,
      ...(leasesAhead === undefined ? {} : { leasesAhead }),
    });
    this.beats.welcome(nodeId, epoch);
    return { nodeEpoch: epoch, ...this.terms.for(access) };
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
