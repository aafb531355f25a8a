import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { NODES_ACCOUNT, nodeNameSchema, nodePermissions, parseNodeUser } from '@fornax/contracts';
import { CommandRejected, verifyNkey, type Nkey } from '@fornax/event-store';
import { CLOCK, LOGGER, NATS, WrongTokens, shareOf } from '@fornax/service-kit';
import { meter, newId, type Clock } from '@fornax/base';
import type { Logger } from 'pino';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands } from '../fleet/node-commands.js';
import type { NatsConnection } from '../connection/nats-connection.js';
import { AdmissionPolicy } from './admission-policy.js';
import { admit, deny, readRequest, type CalloutRequest } from './callout-jwt.js';
import { NodeConnections, connectionName, opens } from './node-connections.js';

const SUBJECT = '$SYS.REQ.USER.AUTH';
const QUEUE = 'node-registry';
/** Questions that are looked into at once; more are refused, and their clients ask again. */
const MAX_OPEN = 256;
const SWEEP_MS = 15_000;
/** Refusals of one peer that are looked into and told; beyond them one every two seconds is. */
const REFUSALS = { burst: 30, perMinute: 30, maxDelayMs: 60_000 } as const;

type Verdict =
  | { readonly nodeId: string; readonly publicKey: string }
  | {
      readonly refusal: string;
      readonly isQuiet?: boolean;
      /** The fault is the platform's: nobody has guessed. */
      readonly isOurs?: boolean;
    };

/**
 * Answers the server's question whether somebody whom its configuration does not name may connect: a node that joined, which proves with
 * its key that it signed the nonce of this very connection. Every replica answers; who decides reads the tail of the log first, so a
 * revocation holds from its commit on. Without an answer the server refuses.
 */
@Injectable()
export class AuthCallout implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly wrong: WrongTokens;
  private hasCaughtUp = false;
  private readonly stop = new AbortController();
  private readonly open = new Set<Promise<void>>();
  private readonly counter = meter().createCounter('fornax.node.connects', {
    description: 'Connections of nodes that the platform was asked about',
  });

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly policy: AdmissionPolicy,
    private readonly fleet: Fleet,
    private readonly commands: NodeCommands,
    private readonly connections: NodeConnections,
  ) {
    this.wrong = new WrongTokens(REFUSALS, () => clock.now());
  }

  onApplicationBootstrap(): void {
    const { issuer } = this.policy;
    const refusal = this.policy.refusal();
    if (refusal !== undefined) {
      this.logger.info({ reason: refusal }, 'no node of another machine can join');
      return;
    }
    if (issuer) this.answer(issuer);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await Promise.all(this.open);
  }

  private answer(issuer: Nkey): void {
    const subscription = this.nc.subscribe(SUBJECT, {
      queue: QUEUE,
      callback: (error, message) => {
        if (error) return this.logger.error({ err: error }, 'nodes that connect cannot be answered');
        const request = readRequest(message.string());
        if (!request || this.open.size >= MAX_OPEN) return;
        const work = this.decide(request)
          .then((verdict) => this.tell(issuer, request, verdict, (text) => message.respond(text)))
          .catch((failure: unknown) => this.logger.warn({ err: failure }, 'a node that connects got no answer'))
          .finally(() => this.open.delete(work));
        this.open.add(work);
      },
    });
    const sweep = setInterval(() => {
      this.sweep().catch((err: unknown) => this.logger.warn({ err }, 'the connections of nodes cannot be looked at'));
    }, SWEEP_MS).unref();
    this.stop.signal.addEventListener(
      'abort',
      () => {
        clearInterval(sweep);
        if (!this.nc.isClosed()) subscription.unsubscribe();
      },
      { once: true },
    );
  }

  /** Ends whatever a failed kick or a race with a revocation left behind; only once this process knows the nodes, or it would ask the log for each. */
  private async sweep(): Promise<void> {
    this.hasCaughtUp ||= await this.commands.hasCaughtUp();
    if (this.hasCaughtUp) await this.connections.endVoid(undefined, [0]);
  }

  private async decide(request: CalloutRequest): Promise<Verdict> {
    const nodeId = parseNodeUser(request.user);
    if (nodeId === undefined || !nodeNameSchema.safeParse(nodeId).success) return { refusal: 'unknown user' };
    const { publicKey } = request;
    const isKnownKey = opens(this.fleet.get(nodeId)?.state, publicKey);
    // Somebody who guesses is told no without a look into the log; a node behind the same address is not.
    if (!isKnownKey && this.wrong.isGuessing(shareOf(request.host)))
      return { refusal: 'too many attempts', isQuiet: true };
    const signature = Buffer.from(request.signature, 'base64');
    if (request.nonce === '' || !verifyNkey(publicKey, 'user', Buffer.from(request.nonce), signature))
      return { refusal: 'the nonce is not signed by this key' };
    try {
      // Decided on the tail of the log: this process may not have folded yet what opens the connection.
      await this.commands.execute(nodeId, { type: 'ConfirmCredential', publicKey }, { by: `node:${nodeId}` });
      return { nodeId, publicKey };
    } catch (error) {
      if (error instanceof CommandRejected) return { refusal: error.rejection.detail };
      this.logger.warn({ nodeId, err: error }, 'a node that connects cannot be looked up');
      return { refusal: 'not now', isOurs: true };
    }
  }

  private tell(issuer: Nkey, request: CalloutRequest, verdict: Verdict, respond: (text: string) => void): void {
    const now = this.clock.now();
    const context = { issuer, request, id: newId(), at: now };
    if ('nodeId' in verdict) {
      const { nodeId, publicKey } = verdict;
      this.counter.add(1, { outcome: 'admitted' });
      this.logger.info({ nodeId, host: request.host }, 'a node connects');
      const name = connectionName(nodeId, publicKey);
      return respond(admit(context, { account: NODES_ACCOUNT, name, ...nodePermissions(nodeId) }));
    }
    this.counter.add(1, { outcome: 'refused' });
    // The claimed name is cut, and the key and signature are left out: they are whatever somebody sent.
    const claimed = request.user.slice(0, 80);
    const peer = shareOf(request.host);
    const isQuiet = verdict.isQuiet === true || this.wrong.isGuessing(peer);
    if (verdict.isOurs !== true) this.wrong.delayMs(peer, claimed);
    if (!isQuiet)
      this.logger.warn({ host: request.host, claimed, reason: verdict.refusal }, 'a connection was refused');
    respond(deny(context, isQuiet ? 'refused' : verdict.refusal));
  }
}
