import { Inject, Injectable } from '@nestjs/common';
import { RpcClient, type Clock } from '@fornax/base';
import { CLOCK, LOGGER, NATS, NODES_NATS } from '@fornax/service-kit';
import type { Leadership } from '../leader/leadership.js';
import type { Logger } from '../ports/logger.js';
import { restoreReader } from '../rpc/restore-reader.js';
import { constantKeyReader } from '../rpc/constant-key-reader.js';
import { rowReader } from '../rpc/row-reader.js';
import { answerBeginAnew, serveLeader } from '../rpc/leader-rpc.js';
import type { NatsConnection } from '../rpc/nats-connection.js';
import { GrantKeys } from './grant-keys.js';

/** Answers services and nodes for the length of a term. */
@Injectable()
export class LeaderDoor {
  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(NODES_NATS) private readonly nodesNats: NatsConnection,
    private readonly keys: GrantKeys,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Ends the term when a replica asks for it, also while its view is still being loaded. */
  answerBeginAnew(end: () => void, term: AbortSignal): void {
    answerBeginAnew(this.nc, end, this.logger, term);
  }

  /** Answers what only the leader knows. */
  open(leadership: Leadership, term: AbortSignal): void {
    serveLeader({
      nc: this.nc,
      nodesNats: this.nodesNats,
      leadership,
      rowOf: rowReader(new RpcClient(this.nc), term),
      constantKeyOf: constantKeyReader(new RpcClient(this.nc), term),
      restoreOf: restoreReader(new RpcClient(this.nc), term),
      secrets: this.keys.secrets,
      sign: (claims) => this.keys.sign(claims),
      now: () => this.clock.now(),
      logger: this.logger,
      signal: term,
    });
  }
}
