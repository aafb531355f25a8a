import { type RpcClient, backoffMs, delay } from '@fornax/base';
import {
  type Heartbeat,
  type HeldLease,
  heartbeatSubject,
  type JoinReply,
  joinReplySchema,
  leaveReplySchema,
  MAX_HELD_LEASES,
  nodeRpcSubject,
} from '@fornax/contracts';
import { uptimeMs } from '@fornax/drivers';
import type { NatsConnection } from '@nats-io/nats-core';

import { randomUUID } from 'node:crypto';
import type { Hardware } from '../hardware/hardware.js';

export interface Member {
  readonly nodeId: string;
  readonly driver: string;
  readonly warnings: readonly string[];
  readonly hardware: Hardware;
  /** How many leases may wait here beyond those that there is room for. */
  readonly leasesAhead: number;
}

export interface MembershipEvents {
  /** Kill everything: this session is over. A new one is joined afterwards. */
  readonly onLost: (reason: string) => Promise<void>;
  readonly onJoined: (session: Session) => void;
  /** The platform was there: what runs may go on for so long from now, and no longer without another call. */
  readonly onContact: (forMs: number) => void;
  readonly leases: () => number;
  /** Whether the node's disk has no room for more; undefined before anybody has looked. */
  readonly isDiskFull: () => boolean | undefined;
  /** Room for files of instances there, in megabytes; undefined before anybody has looked, and where it cannot be told. */
  readonly diskMB: () => number | undefined;
  /** All leases that are really worked on. */
  readonly held: () => readonly HeldLease[];
  readonly onError: (error: unknown) => void;
  /** The platform wants the node to make itself a new key. */
  readonly onKeyDue: () => void;
}

export interface Session extends JoinReply {
  readonly bootId: string;
}

const JOIN_BACKOFF = { firstMs: 200, longestMs: 2_000 } as const;
const JOIN_TIMEOUT_MS = 3_000;
/** The agent ends its instances at this part of the time after which the platform would give them to others. */
const FENCE_PART = 2 / 3;
/** How much of it passes before the warden does: what that one kills the agent does not hold any more, and tells nothing of. */
const WARDEN_PART = 1 / 30;

/**
 * The node's session with the platform.
 *
 *   joining -> member     the registry gave an epoch
 *   member  -> joining    no contact for two thirds of the grace period (same machine, new boot id), or the registry named another epoch
 *   any     -> left       leave()
 *
 * Contact is a heartbeat that the server has answered (a flush is a round trip), dated by when it was sent, on a clock that also runs while this
 * process is stopped or the machine sleeps. The warden's instant follows a moment after: see docs/adr/0026 and 0098.
 */
export class Membership {
  #session: Session | undefined;
  #bootId = randomUUID();
  #lastContact = uptimeMs();
  #left = false;
  #joined = Promise.withResolvers<void>();

  constructor(
    private readonly nc: NatsConnection,
    private readonly rpc: RpcClient,
    private readonly member: Member,
    private readonly events: MembershipEvents,
  ) {}

  get session(): Session | undefined {
    return this.#session;
  }

  /**
   * Whether the leases of this epoch are still this node's to begin, to upload for and to tell of. Asked at the moment of doing so: a process that
   * goes on after a pause comes here before any timer of its own has told it that time is over.
   */
  holds(nodeEpoch: number): boolean {
    const session = this.#session;
    return session?.nodeEpoch === nodeEpoch && this.#leftMs(session) > 0;
  }

  #leftMs({ graceMs }: Session): number {
    return this.#lastContact + graceMs * FENCE_PART - uptimeMs();
  }

  #tellContact(session: Session): void {
    this.events.onContact(this.#leftMs(session) + session.graceMs * WARDEN_PART);
  }

  /** Resolves with the session as soon as there is one. */
  async ready(): Promise<Session> {
    while (!this.#session) await this.#joined.promise;
    return this.#session;
  }

  /** Joins and stays a member until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const session = await this.#join(signal);
      if (!session) return;
      this.#lastContact = uptimeMs();
      this.#session = session;
      this.#tellContact(session);
      this.events.onJoined(session);
      this.#joined.resolve();
      const reason = await this.#beat(session, signal);
      this.#session = undefined;
      this.#joined = Promise.withResolvers();
      if (signal.aborted) return;
      await this.events.onLost(reason);
      this.#bootId = randomUUID();
    }
  }

  /** Tells the registry that the instances are over, so that they are given to others at once. */
  async leave(timeoutMs: number): Promise<void> {
    const session = this.#session;
    if (!session || this.#left) return;
    this.#left = true;
    const { nodeId } = this.member;
    await this.rpc.request(
      nodeRpcSubject(nodeId, 'leave'),
      { nodeId, nodeEpoch: session.nodeEpoch },
      leaveReplySchema,
      timeoutMs,
    );
  }

  async #ask(): Promise<JoinReply> {
    const { nodeId } = this.member;
    const reply = await this.rpc.request(
      nodeRpcSubject(nodeId, 'join'),
      { ...this.member, bootId: this.#bootId },
      joinReplySchema,
      JOIN_TIMEOUT_MS,
    );
    if (reply.rotate === true) this.events.onKeyDue();
    return reply;
  }

  async #join(signal: AbortSignal): Promise<Session | undefined> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        return { ...(await this.#ask()), bootId: this.#bootId };
      } catch (error) {
        if (failures > 1) this.events.onError(error);
        await delay(backoffMs(failures, JOIN_BACKOFF), signal);
      }
    }
    return undefined;
  }

  /** Heartbeats until the session is lost. @returns why */
  async #beat(session: Session, signal: AbortSignal): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    let listedAt = -Infinity;
    const beat = (): void => {
      const sentAt = uptimeMs();
      const { nodeEpoch, bootId, leaseListMs, heartbeatMs } = session;
      // Half a beat early rather than a whole one late.
      const isListDue = leaseListMs !== undefined && sentAt - listedAt >= leaseListMs - heartbeatMs / 2;
      const isDiskFull = this.events.isDiskFull();
      const diskMB = this.events.diskMB();
      const held = isListDue ? this.events.held() : undefined;
      if (held) listedAt = sentAt;
      const heartbeat: Heartbeat = {
        nodeId: this.member.nodeId,
        nodeEpoch,
        bootId,
        leases: this.events.leases(),
        ...(held && held.length <= MAX_HELD_LEASES ? { held: [...held] } : {}),
        ...(isDiskFull === undefined ? {} : { isDiskFull }),
        ...(diskMB === undefined ? {} : { diskMB }),
        at: Date.now(),
      };
      try {
        this.nc.publish(heartbeatSubject(this.member.nodeId), JSON.stringify(heartbeat));
        void this.nc.flush().then(
          () => {
            // An answer that comes too late does not bring back what is over.
            if (!this.holds(nodeEpoch)) return;
            this.#lastContact = Math.max(this.#lastContact, sentAt);
            this.#tellContact(session);
          },
          () => undefined,
        );
      } catch {
        // The connection is closed or draining: that is no contact.
      }
    };
    /** A node that was declared lost without noticing (it slept, say) finds out here, and one that was not gets its own epoch back. */
    const confirm = (): void => {
      this.#ask().then(
        (reply) => {
          if (reply.nodeEpoch !== session.nodeEpoch)
            resolve(`the platform is at epoch ${reply.nodeEpoch}, this was ${session.nodeEpoch}`);
          if (reply.logAcceptedAt !== session.logAcceptedAt)
            resolve('the platform goes on from an older event log, which may not know what runs here');
        },
        () => undefined,
      );
    };
    let watchedAt = uptimeMs();
    const watch = (): void => {
      const nowMs = uptimeMs();
      const gapMs = nowMs - watchedAt;
      watchedAt = nowMs;
      if (this.#leftMs(session) > 0) return;
      const silentMs = nowMs - this.#lastContact;
      resolve(
        gapMs > silentMs / 2
          ? `this agent stood still for ${gapMs} ms: it was paused, or the machine slept`
          : `no contact for ${silentMs} ms`,
      );
    };
    const timers = [
      setInterval(beat, session.heartbeatMs),
      setInterval(confirm, session.graceMs),
      setInterval(watch, Math.max(5, session.graceMs / 30)),
    ];
    const abort = (): void => resolve('stopped');
    signal.addEventListener('abort', abort);
    beat();
    try {
      return await promise;
    } finally {
      for (const timer of timers) clearInterval(timer);
      signal.removeEventListener('abort', abort);
    }
  }
}
