import { AsyncLocalStorage } from 'node:async_hooks';
import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Logger } from 'pino';
import { catchError, Observable } from 'rxjs';
import { LOGGER } from '../core/tokens.js';
import { Conflict } from '@fornax/base';
import { wireErrorOf } from './wire-error.js';

interface Tally {
  commits: number;
}

const tallies = new AsyncLocalStorage<Tally>();

/** The request that is being answered, if any, has put a commit into the log. */
export const noteCommit = (): void => {
  const tally = tallies.getStore();
  if (tally) tally.commits += 1;
};

/** Does what a request gives the occasion for, and does not ask for: its commits do not say that the request was carried out. */
export const outsideOfRequests = <T>(work: () => Promise<T>): Promise<T> => tallies.exit(work);

const SERVER_FAULT = 500;
const UNSETTLED = 504;

/**
 * A 5xx means that nothing was done, and official clients send the request again (contract, 1.9). So an error that comes up after the log
 * took what the request asked for (the rows cannot be read for the answer, say) is told as what it is: with 409, which nobody repeats unasked.
 */
@Injectable()
export class CarriedOutInterceptor implements NestInterceptor {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const tally: Tally = { commits: 0 };
    return new Observable((subscriber) =>
      tallies.run(tally, () =>
        next
          .handle()
          .pipe(
            catchError((error: unknown) => {
              throw tally.commits > 0 ? this.truthful(error) : error;
            }),
          )
          .subscribe(subscriber),
      ),
    );
  }

  private truthful(error: unknown): unknown {
    const { status, message } = wireErrorOf(error);
    if (status < SERVER_FAULT || status === UNSETTLED) return error;
    this.logger.error({ err: error }, 'a request was carried out, but not answered');
    return new Conflict(
      `This was carried out, at least in part, but cannot be answered: ${message}. Look before you send it again.`,
      {
        code: 'carried-out',
        cause: error,
      },
    );
  }
}
