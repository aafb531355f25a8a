import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { NODES_ACCOUNT, nodeNameSchema, nodePermissions, parseNodeUser } from '@fornax/contracts';
import { isEnrolled } from '@fornax/domain';
import { CommandRejected, verifyNkey, type Nkey } from '@fornax/event-store';
import { CLOCK, LOGGER, NATS, meter, newId, type Clock } from '@fornax/service-kit';
import type { Logger } from 'pino';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands } from '../fleet/node-commands.js';
import type { NatsConnection } from '../nats-connection.js';
import { AdmissionPolicy } from './admission-policy.js';
import { admit, deny, readRequest, type CalloutRequest } from './callout-jwt.js';
import { NodeConnections, connectionName } from './node-connections.js';
import { WrongAttempts } from './wrong-attempts.js';

const SUBJECT = '$SYS.REQ.USER.AUTH';
const QUEUE = 'node-registry';
/** Questions that are looked into at once; more are refused, and their clients ask again. */
const MAX_OPEN = 256;
const SWEEP_MS = 15_000;

type Verdict =
  { readonly nodeId: string; readonly publicKey: string } | { readonly refusal: string; readonly isQuiet?: boolean };

/**
 * Answers the server's question whether somebody whom its configuration does not name may connect: a node that joined, which proves with
 * its key that it signed the nonce of this very connection. Every replica answers; who decides reads the tail of the log first, so a
 * revocation holds from its commit on. Without an answer the server refuses.
 */
@Injectable()
export class AuthCallout implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly wrong = new WrongAttempts();
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
  ) {}

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
      // Whatever a failed kick or a race with a revocation left behind.
      this.connections
        .endVoid(undefined, [0])
        .catch((err: unknown) => this.logger.warn({ err }, 'the connections of nodes cannot be looked at'));
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

  private async decide(request: CalloutRequest): Promise<Verdict> {
    const nodeId = parseNodeUser(request.user);
    if (nodeId === undefined || !nodeNameSchema.safeParse(nodeId).success) return { refusal: 'unknown user' };
    const { publicKey } = request;
    const known = this.fleet.get(nodeId)?.state;
    if (!known || !isEnrolled(known)) return { refusal: known?.access ? 'the node was revoked' : 'unknown node' };
    const isKnownKey = known.access?.keys.some((key) => key.publicKey === publicKey) === true;
    // Somebody who guesses is told no without a look into the log; a node behind the same address is not.
    if (!isKnownKey && this.wrong.isTooMany(request.host, this.clock.now()))
      return { refusal: 'too many attempts', isQuiet: true };
    const signature = Buffer.from(request.signature, 'base64');
    if (request.nonce === '' || !verifyNkey(publicKey, 'user', Buffer.from(request.nonce), signature))
      return { refusal: 'the nonce is not signed by this key' };
    try {
      await this.commands.execute(nodeId, { type: 'ConfirmCredential', publicKey }, { by: `node:${nodeId}` });
      return { nodeId, publicKey };
    } catch (error) {
      if (error instanceof CommandRejected) return { refusal: error.rejection.detail };
      this.logger.warn({ nodeId, err: error }, 'a node that connects cannot be looked up');
      return { refusal: 'not now' };
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
    const isQuiet = verdict.isQuiet === true || this.wrong.isTooMany(request.host, now);
    this.wrong.note(request.host, now);
    // The claimed name is cut, and the key and signature are left out: they are whatever somebody sent.
    const claimed = request.user.slice(0, 80);
    if (!isQuiet)
      this.logger.warn({ host: request.host, claimed, reason: verdict.refusal }, 'a connection was refused');
    respond(deny(context, isQuiet ? 'refused' : verdict.refusal));
  }
}
