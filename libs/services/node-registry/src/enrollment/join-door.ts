import { Injectable } from '@nestjs/common';
import type { NodeTokenState } from '@fornax/domain';
import { HeaderChecks } from '@fornax/service-kit';
import { tokenOf } from '@fornax/identity';
import { Unauthorized } from '@fornax/base';
import type { IncomingMessage } from 'node:http';
import { NodeTokens } from './node-tokens.js';

/** Name of the check that lets in a machine with a token of its own. */
export const JOIN_CHECK = 'node-token';

const tokensByRequest = new WeakMap<object, NodeTokenState>();

/** Looks at the token of a machine that wants to join before anything of the body is read. */
@Injectable()
export class JoinDoor {
  constructor(
    private readonly tokens: NodeTokens,
    checks: HeaderChecks,
  ) {
    checks.register(JOIN_CHECK, async (request, { isGuessing }) => {
      // Somebody who guesses is answered without a look into the log.
      if (isGuessing && !this.tokens.isKnown(tokenOf(request.headers.authorization))) return false;
      try {
        await this.admit(request);
        return true;
      } catch (error) {
        if (error instanceof Unauthorized) return false;
        throw error;
      }
    });
  }

  /** The token of this request. @throws Unauthorized, Forbidden */
  async admit(request: IncomingMessage): Promise<NodeTokenState> {
    const known = tokensByRequest.get(request);
    if (known) return known;
    const token = await this.tokens.authenticate(tokenOf(request.headers.authorization));
    tokensByRequest.set(request, token);
    return token;
  }
}
