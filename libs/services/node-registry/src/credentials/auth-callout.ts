import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { NODES_ACCOUNT, nodePermissions } from '@fornax/contracts';
import type { Nkey } from '@fornax/event-store';
import { CLOCK, LOGGER, NATS } from '@fornax/service-kit';
import { countedFromZero, newId, type Clock } from '@fornax/base';
import type { Logger } from 'pino';
import type { NatsConnection } from '../connection/nats-connection.js';
import { Admission, type Verdict } from './admission.js';
import { AdmissionPolicy } from './admission-policy.js';
import { admit, deny, readRequest, type CalloutRequest } from './callout-jwt.js';
import { connectionName } from './node-connections.js';

const SUBJECT = '$SYS.REQ.USER.AUTH';
const QUEUE = 'node-registry';
/** Questions that are looked into at once; more are refused, and their clients ask again. */
const MAX_OPEN = 256;

/**
 * Answers the server's question whether somebody whom its configuration does not name may connect: a node that joined, which proves with
 * its key that it signed the nonce of this very connection. Every replica answers; who decides reads the tail of the log first, so a
 * revocation holds from its commit on. Without an answer the server refuses.
 */
@Injectable()
export class AuthCallout implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private readonly open = new Set<Promise<void>>();
  private readonly counter = countedFromZero('fornax.node.connects', [{ outcome: 'admitted' }, { outcome: 'refused' }]);

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly policy: AdmissionPolicy,
    private readonly admission: Admission,
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
        const work = this.admission
          .decide(request)
          .then((verdict) => this.tell(issuer, request, verdict, (text) => message.respond(text)))
          .catch((failure: unknown) => this.logger.warn({ err: failure }, 'a node that connects got no answer'))
          .finally(() => this.open.delete(work));
        this.open.add(work);
      },
    });
    this.stop.signal.addEventListener(
      'abort',
      () => {
        if (!this.nc.isClosed()) subscription.unsubscribe();
      },
      { once: true },
    );
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
    const isQuiet = this.admission.countRefusal(request, claimed, verdict);
    if (!isQuiet)
      this.logger.warn({ host: request.host, claimed, reason: verdict.refusal }, 'a connection was refused');
    respond(deny(context, isQuiet ? 'refused' : verdict.refusal));
  }
}
