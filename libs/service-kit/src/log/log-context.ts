import { BaseRpcContext } from '@nestjs/microservices';

/** What a @LogHandler gets beside its batch. */
export class LogContext extends BaseRpcContext<[handler: string, lastSequence: number]> {
  constructor(handler: string, lastSequence: number) {
    super([handler, lastSequence]);
  }

  get handler(): string {
    return this.getArgByIndex(0);
  }

  /** Sequence of the last commit of the batch. */
  get lastSequence(): number {
    return this.getArgByIndex(1);
  }
}
