import { Inject, Injectable } from '@nestjs/common';
import { LogUnavailable, OutcomeUnknown } from '@fornax/event-store';
import { JOINS_FOR_MINUTES, LOGGER, UnsettledRequests } from '@fornax/service-kit';
import { type RequestContext, Sealer } from '@fornax/identity';
import { Conflict, newId, Unsettled } from '@fornax/base';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';

/** How a command without a key is named for the log. */
export interface CommandName {
  readonly name: string;
  /** It was given to an earlier, identical command of which nobody knows whether it was carried out: this one goes on with it. */
  readonly isRepeated: boolean;
}

/** What one account asks for: the same parts are the same command. */
export type Asked = readonly unknown[];

/**
 * Commands without a key, of which the log did not say whether it took them. The same command of the same account, sent again within a quarter of
 * an hour, is taken for the first one: clients do so by themselves (contract, 1.9), and it makes no second task.
 */
@Injectable()
export class UnsettledCommands {
  private readonly requests: UnsettledRequests;

  constructor(
    @InjectDatabase() db: DataSource,
    private readonly sealer: Sealer,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.requests = new UnsettledRequests(db, (error) =>
      logger.warn(
        { err: error },
        'a command whose outcome is unknown could not be left: nobody knows it when it comes again',
      ),
    );
  }

  /** Carries out what is asked of an object that there is; a request with a key needs no other name. @throws as `carryOut` */
  async once(
    context: RequestContext,
    asked: Asked,
    what: string,
    work: (again: CommandName | undefined) => Promise<void>,
  ): Promise<void> {
    if (context.idempotencyKey !== undefined) return work(undefined);
    return this.carryOut(context, asked, () => what, work);
  }

  /**
   * Carries a command out under a name of its own, or that of an earlier one.
   * @param work repeatable under one name
   * @param what what may have been done, in words
   * @throws Unsettled nobody knows whether it was carried out, and the same command is joined to it
   * @throws Conflict nobody knows, and nobody will recognize the command either
   */
  async carryOut<T>(
    { account }: RequestContext,
    asked: Asked,
    what: (name: string) => string,
    work: (command: CommandName) => Promise<T>,
  ): Promise<T> {
    const fingerprint = (): string => this.sealer.fingerprint(JSON.stringify([account.id, ...asked]));
    const earlier = await this.requests.take(fingerprint);
    const name = earlier ?? newId();
    const isRepeated = earlier !== undefined;
    try {
      return await work({ name, isRepeated });
    } catch (error) {
      const isUnknown = error instanceof OutcomeUnknown || (isRepeated && error instanceof LogUnavailable);
      if (!isUnknown && !isRepeated) throw error;
      const isLeft = await this.requests.leave(fingerprint(), name);
      if (!isUnknown) throw error;
      throw unknown(what(name), isLeft, error);
    }
  }
}

const unknown = (what: string, isLeft: boolean, cause: unknown): Error => {
  const said = `The event log does not answer, so nobody can say yet whether ${what}`;
  return isLeft
    ? new Unsettled(
        `${said}. The same request, sent again within ${JOINS_FOR_MINUTES} minutes, is taken for this one.`,
        { cause },
      )
    : new Conflict(`${said}: look before you send it again.`, { code: 'outcome-unknown', cause });
};
