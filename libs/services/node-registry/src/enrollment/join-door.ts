import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import type { NodeTokenState } from '@fornax/domain';
import { CLOCK, Unauthorised, tokenOf, type Clock } from '@fornax/service-kit';
import type { IncomingMessage } from 'node:http';
import { WrongAttempts } from '../credentials/wrong-attempts.js';
import { NodeTokens } from './node-tokens.js';

const tokensByRequest = new WeakMap<object, NodeTokenState>();

/**
 * Looks at the token of a machine that wants to join before anything of the body is read. Somebody who guesses is soon answered without
 * a look into the log.
 */
@Injectable()
export class JoinDoor implements NestMiddleware {
  private readonly wrong = new WrongAttempts();

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly tokens: NodeTokens,
  ) {}

  use(request: IncomingMessage, _: unknown, next: (error?: unknown) => void): void {
    this.admit(request).then(
      () => next(),
      (error: unknown) => next(error),
    );
  }

  /** The token of this request. @throws Unauthorised, Forbidden */
  async admit(request: IncomingMessage): Promise<NodeTokenState> {
    const known = tokensByRequest.get(request);
    if (known) return known;
    const peer = request.socket.remoteAddress ?? '';
    const text = tokenOf(request.headers.authorization);
    const now = this.clock.now();
    if (this.wrong.isTooMany(peer, now) && !this.tokens.isKnown(text)) throw new Unauthorised();
    try {
      const token = await this.tokens.authenticate(text);
      tokensByRequest.set(request, token);
      return token;
    } catch (error) {
      if (error instanceof Unauthorised) this.wrong.note(peer, now);
      throw error;
    }
  }
}
