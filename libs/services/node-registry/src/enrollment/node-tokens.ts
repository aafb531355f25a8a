import { randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { parseNodeToken, renderNodeToken, type RecordedCommit } from '@fornax/contracts';
import {
  nodeTokenDecider,
  nodeTokenStatus,
  type NodeTokenCommand,
  type NodeTokenEvent,
  type NodeTokenState,
} from '@fornax/domain';
import { decideAndAppend, loadAggregate, type EventLog, type Loaded } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { hashToken } from '@fornax/identity';
import { Forbidden, Unauthorized, newId, type Clock } from '@fornax/base';

import type { Asked } from '../fleet/node-commands.js';

const SECRET_BYTES = 32;
/** How long a token that opens nothing any more is still listed. */
const REMEMBERED_MS = 30 * 86_400_000;

export interface TokenRow {
  readonly state: NodeTokenState;
  /** Who made it, e.g. `user:<id>`. */
  readonly createdBy: string;
}

interface Held extends Loaded<NodeTokenState> {
  readonly createdBy: string;
}

/** One-time tokens: made, shown, revoked, used. The log holds their hashes alone. */
@Injectable()
export class NodeTokens {
  private held = new Map<string, Held>();
  private last = 0;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  fold({ aggregate, aggregateId, sequence, events, meta }: RecordedCommit): void {
    if (aggregate !== 'node-token') return;
    this.last = Math.max(this.last, sequence);
    const known = this.held.get(aggregateId);
    if (known && sequence <= known.sequence) return;
    // The aggregate's name in the subject is what makes these events of tokens.
    const state = (events as readonly NodeTokenEvent[]).reduce(
      nodeTokenDecider.evolve,
      known?.state ?? nodeTokenDecider.initial,
    );
    this.held.set(aggregateId, { state, sequence, createdBy: known?.createdBy ?? meta.actor });
    this.forget();
  }

  /** Sequence of the last commit of a token that was folded. */
  get position(): number {
    return this.last;
  }

  /** One that has folded nothing yet. */
  empty(): NodeTokens {
    return new NodeTokens(this.log, this.clock);
  }

  /** Puts another fold in the place of this one, which may be of commits that the log has lost. */
  replaceBy({ held }: NodeTokens): void {
    this.held = held;
  }

  list(): readonly TokenRow[] {
    const now = this.clock.now();
    return [...this.held.values()]
      .filter(({ state }) => now - endOf(state) < REMEMBERED_MS)
      .sort((a, b) => b.state.createdAt - a.state.createdAt);
  }

  /** Whether this process has heard of a token of this id; says nothing about the rest of it. */
  isKnown(text: string): boolean {
    return this.held.has(parseNodeToken(text)?.tokenId ?? '');
  }

  /** @returns the token, which is shown once and kept nowhere */
  async create(
    wanted: { readonly nodeId: string | null; readonly reason: string; readonly ttlMs: number },
    asked: Asked,
  ): Promise<TokenRow & { readonly token: string }> {
    const tokenId = newId();
    const token = renderNodeToken(tokenId, randomBytes(SECRET_BYTES).toString('base64url'));
    const { nodeId, reason, ttlMs } = wanted;
    const expiresAt = this.clock.now() + ttlMs;
    const command = { type: 'CreateNodeToken', tokenId, hash: hashToken(token), nodeId, reason, expiresAt } as const;
    const state = await this.execute(tokenId, command, asked);
    return { state, createdBy: asked.by, token };
  }

  /** @throws CommandRejected there is no such token, or it was used */
  async revoke(tokenId: string, asked: Asked): Promise<void> {
    await this.execute(tokenId, { type: 'RevokeNodeToken' }, asked);
  }

  /**
   * Whose token this is. Only whoever holds a real one is told that it is used, revoked or over.
   * @throws Unauthorized, Forbidden
   */
  async authenticate(text: string): Promise<NodeTokenState> {
    const tokenId = parseNodeToken(text)?.tokenId;
    if (tokenId === undefined) throw new Unauthorized();
    const { state } = await this.load(tokenId);
    const given = Buffer.from(hashToken(text), 'hex');
    const kept = Buffer.from(state.hash, 'hex');
    if (kept.length !== given.length || !timingSafeEqual(kept, given)) throw new Unauthorized();
    const now = this.clock.now();
    // Expiry ends also what a lost answer may be asked for again.
    if (now >= state.expiresAt) throw tokenRefused('expired', 'This token has expired: ask for another one');
    if (nodeTokenStatus(state, now) === 'revoked')
      throw tokenRefused('revoked', 'This token was revoked: ask for another one');
    return state;
  }

  /** Once for one node and key; the same again is nothing new. @throws CommandRejected somebody else was first */
  async use(tokenId: string, use: { readonly nodeId: string; readonly publicKey: string }): Promise<void> {
    await this.execute(tokenId, { type: 'UseNodeToken', ...use }, { by: `node:${use.nodeId}` });
  }

  private async load(tokenId: string): Promise<Loaded<NodeTokenState>> {
    return loadAggregate(this.log, 'node-token', tokenId, nodeTokenDecider, this.held.get(tokenId));
  }

  private async execute(
    tokenId: string,
    command: TimelessCommand,
    { by: actor, reason }: Asked,
  ): Promise<NodeTokenState> {
    const at = this.clock.now();
    const commitId = newId();
    const { state } = await decideAndAppend<NodeTokenState, NodeTokenCommand, NodeTokenEvent>({
      log: this.log,
      aggregate: 'node-token',
      id: tokenId,
      decider: nodeTokenDecider,
      command: { ...command, at },
      commitId,
      meta: { actor, ...(reason === undefined ? {} : { reason }), source: 'node-registry', correlationId: commitId },
      at,
      loaded: await this.load(tokenId),
    });
    return state;
  }

  private forget(): void {
    const now = this.clock.now();
    for (const [id, { state }] of this.held) {
      if (now - endOf(state) < REMEMBERED_MS) return;
      this.held.delete(id);
    }
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type TimelessCommand = DistributiveOmit<NodeTokenCommand, 'at'>;

const endOf = ({ use, expiresAt }: NodeTokenState): number => use?.at ?? expiresAt;

const tokenRefused = (what: 'expired' | 'revoked', detail: string): Forbidden =>
  new Forbidden(detail, { code: `node-token-${what}` });
