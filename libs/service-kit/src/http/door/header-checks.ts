import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';

/** What a check may be told of who asks. */
export interface CheckedPeer {
  /** Whether so many wrong tokens came from there that a look into anything dear is wasted. */
  readonly isGuessing: boolean;
}

/**
 * Whether a request may come in, told by its headers alone: nothing of its body has been read. It must look up, not use up: the same
 * request may be asked about again.
 */
export type HeaderCheck = (request: IncomingMessage, who: CheckedPeer) => boolean | Promise<boolean>;

/** Checks of routes that let in somebody who has no account (a node that joins), by the name that `@AdmittedBy` gives. */
@Injectable()
export class HeaderChecks {
  private readonly checks = new Map<string, HeaderCheck>();

  /** The same name again replaces the check. */
  register(name: string, check: HeaderCheck): void {
    this.checks.set(name, check);
  }

  /** Nobody comes in by a check that is not there. */
  async admits(name: string, request: IncomingMessage, who: CheckedPeer): Promise<boolean> {
    return (await this.checks.get(name)?.(request, who)) ?? false;
  }
}
