import { Inject, Injectable } from '@nestjs/common';
import type { NodeJoin, NodeJoined } from '@fornax/contracts';
import { nodeDecider, type NodeTokenState } from '@fornax/domain';
import { CommandRejected, isPublicNkey } from '@fornax/event-store';
import { CLOCK } from '@fornax/service-kit';
import { Invalid, type Clock } from '@fornax/base';
import { AdmissionPolicy } from '../credentials/admission-policy.js';
import { NodeConnections } from '../credentials/node-connections.js';
import { NodeCommands } from '../fleet/node-commands.js';
import { NodeTokens } from './node-tokens.js';

/** A machine becomes a node: its token is used once, its key is in the log, from then on the key opens. */
@Injectable()
export class Enrollment {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly policy: AdmissionPolicy,
    private readonly tokens: NodeTokens,
    private readonly commands: NodeCommands,
    private readonly connections: NodeConnections,
  ) {}

  /**
   * Safe to repeat with the same token, name and key until the token expires, should the answer have been lost; a revocation in the
   * meantime holds.
   * @throws Invalid, Forbidden, CommandRejected
   */
  async join({ name: nodeId, publicKey }: NodeJoin, token: NodeTokenState): Promise<NodeJoined> {
    this.policy.assertAdmits();
    if (!isPublicNkey(publicKey, 'user')) throw new Invalid('publicKey is not the public half of a NATS user key');
    const { tokenId } = token;
    const isNamedByToken = token.nodeId === nodeId;
    const enroll = { type: 'EnrollNode', nodeId, publicKey, tokenId, isNamedByToken } as const;
    // Before the token is used up: a name that is taken is no reason to ask for another token.
    const { state } = await this.commands.load(nodeId);
    const decision = nodeDecider.decide(state, { ...enroll, at: this.clock.now() });
    if ('rejection' in decision) throw new CommandRejected(decision.rejection);
    await this.tokens.use(tokenId, { nodeId, publicKey });
    const { events } = await this.commands.execute(nodeId, enroll, { by: `node:${nodeId}` });
    // Of the machine in whose place this one came.
    if (events.some(({ type }) => type === 'NodeCredentialsRevoked')) await this.connections.endVoidIfPossible(nodeId);
    const { natsUrl, storageUrl } = this.policy;
    return { nodeId, natsUrl, storageUrl, at: this.clock.now() };
  }
}
