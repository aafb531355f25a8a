import { Inject, Injectable } from '@nestjs/common';
import { nodeNameSchema, parseNodeUser } from '@fornax/contracts';
import { CommandRejected, verifyNkey } from '@fornax/event-store';
import { CLOCK, LOGGER, WrongTokens, shareOf } from '@fornax/service-kit';
import type { Clock } from '@fornax/base';
import type { Logger } from 'pino';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands } from '../fleet/node-commands.js';
import type { CalloutRequest } from './callout-jwt.js';
import { opens } from './node-connections.js';

/** Refusals of one peer that are looked into and told; beyond them one every two seconds is. */
const REFUSALS = { burst: 30, perMinute: 30, maxDelayMs: 60_000 } as const;

export type Verdict =
  | { readonly nodeId: string; readonly publicKey: string }
  | {
      readonly refusal: string;
      readonly isQuiet?: boolean;
      /** The fault is the platform's: nobody has guessed. */
      readonly isOurs?: boolean;
    };

/** Decides whether a connection is a node's: it proves with its key that it signed the nonce of this very connection. */
@Injectable()
export class Admission {
  private readonly wrong: WrongTokens;

  constructor(
    private readonly fleet: Fleet,
    private readonly commands: NodeCommands,
    @Inject(CLOCK) clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.wrong = new WrongTokens(REFUSALS, () => clock.now());
  }

  /** Decides on the tail of the log, so a revocation holds from its commit on. */
  async decide(request: CalloutRequest): Promise<Verdict> {
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

  /** Counts a refusal. @param claimed the user's name, cut @returns whether the peer was refused so often that further refusals are not logged */
  countRefusal(
    { host }: CalloutRequest,
    claimed: string,
    verdict: Extract<Verdict, { readonly refusal: string }>,
  ): boolean {
    const peer = shareOf(host);
    const isQuiet = verdict.isQuiet === true || this.wrong.isGuessing(peer);
    if (verdict.isOurs !== true) this.wrong.delayMs(peer, claimed);
    return isQuiet;
  }
}
