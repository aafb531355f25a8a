import { CommandRejected, LogUnavailable, WritesStopped, type Loaded } from '@fornax/event-store';
import type { FornaxEvent } from '@fornax/contracts';
import { userMeta, type RequestContext } from '@fornax/identity';
import { Conflict, derivedId } from '@fornax/base';
import type { ObjectCommits, ObjectDecision } from './object-commits.js';
import type { OfOwner, SealedAll } from './secret-constants.js';
import { both, type Reservation } from './reservation.js';
import { shortnameTaken, type ObjectKind } from './shortnames.js';
import type { CommandName, UnsettledCommands } from './unsettled-commands.js';
import type { Placed } from '../places/placed.js';

/** An object that somebody asks for. */
export interface AskedObject<T> {
  /** What makes two requests the same one, of those that name the same key and way. */
  readonly body: unknown;
  /** Which of the things that one key may make. */
  readonly route: readonly string[];
  /** What is asked for beside the body, whichever its place in a request. */
  readonly way: readonly string[];
  /** Makes of it what the log is to hold, under an id; leaves no trace. @throws ValidationFailed, Forbidden */
  readonly check: (id: string) => T | Promise<T>;
  /** Checks it against what there is, where no earlier request has made it. @throws ValidationFailed */
  readonly place?: (checked: T) => Promise<Placed<T>>;
}

/** An object that the log has, and what was reserved for it. */
export interface Accepted<T> {
  readonly id: string;
  readonly sequence: number;
  readonly reservation: Reservation;
  readonly made: T;
}

/** How objects of one kind come to be. */
export interface CreationOf<T, S, C extends { readonly type: string; readonly at: number }, E extends FornaxEvent> {
  readonly kind: ObjectKind;
  readonly commits: Pick<ObjectCommits<S, C, E>, 'decide' | 'idOfSubmission' | 'submissionOf'>;
  /** Where the log cannot have anything of the object, nothing of it needs to be read. */
  readonly nothing: Loaded<S>;
  readonly reserve: (made: T, id: string, mayContinue: boolean, context: RequestContext) => Promise<Reservation>;
  /** Makes what the object needs beside the log, such as its buckets; comes last, so that what is refused leaves none of it. @throws Invalid, NotFound, Conflict, Unavailable */
  readonly prepare?: (made: T, id: string, context: RequestContext) => Promise<void>;
  /** Seals what is for the object alone, under its id; comes after everything that may be refused. */
  readonly seal?: (all: readonly OfOwner<T>[]) => Promise<SealedAll<T>>;
  /** What an earlier request holds that has made the object: only its name may still have to be confirmed. */
  readonly ofMade: (made: T, id: string) => Reservation;
  readonly commandOf: (made: T, id: string, owner: string) => ObjectDecision<S, C>['command'];
  readonly shortnameOf: (made: T) => string;
}

/**
 * Makes objects of one kind: one commit for each, so that there is a whole object or none. The way of each is the same: it is named, checked, given
 * what it needs beside the log, and appended.
 */
export class Creations<T, S, C extends { readonly type: string; readonly at: number }, E extends FornaxEvent> {
  constructor(
    private readonly unsettled: UnsettledCommands,
    private readonly of: CreationOf<T, S, C, E>,
  ) {}

  /** Names the object: after the request's key, or after an earlier request that this one goes on with, or anew. */
  async accept(asked: AskedObject<T>, context: RequestContext): Promise<Accepted<T>> {
    const { account, by, idempotencyKey, wasBegunBefore } = context;
    const { kind } = this.of;
    if (idempotencyKey !== undefined) {
      const name = derivedId(kind, account.id, idempotencyKey, ...asked.route, ...(by === undefined ? [] : [by.id]));
      return this.acceptAs({ name, isRepeated: wasBegunBefore }, asked, context);
    }
    return this.unsettled.carryOut(
      context,
      [...asked.way, asked.body],
      (id) => `the ${kind} ${id} was created`,
      (command) => this.acceptAs(command, asked, context),
    );
  }

  private async acceptAs(
    { name, isRepeated }: CommandName,
    asked: AskedObject<T>,
    context: RequestContext,
  ): Promise<Accepted<T>> {
    const checked = await asked.check(name);
    const { body } = asked;
    const earlier = isRepeated ? await this.madeBefore(checked, name, body, context) : undefined;
    if (earlier) return earlier;
    const hasKey = context.idempotencyKey !== undefined;
    // Whoever has a name for its request tells it from others, and goes on with none but its own.
    const mayContinue = !isRepeated && !hasKey;
    let made: T;
    let reservation: Reservation;
    try {
      const placed = (await asked.place?.(checked)) ?? { made: checked, bind: () => Promise.resolve(checked) };
      reservation = await this.of.reserve(placed.made, name, mayContinue, context);
      made = await unlessRefused(reservation, (id) => placed.bind(id));
      if (placed.reserved) reservation = both(placed.reserved(), reservation);
      await unlessRefused(reservation, (id) => this.of.prepare?.(made, id, context));
      const sealed = await unlessRefused(reservation, (id) => this.of.seal?.([{ id, made }]));
      if (sealed) {
        made = sealed.made[0] ?? made;
        reservation = both(sealed.keys, reservation);
      }
    } catch (refusal) {
      // Keys are forgotten after a day: what is refused may be taken up by the object that an earlier request has made under this one.
      const before = hasKey && !isRepeated ? await this.madeBefore(checked, name, body, context) : undefined;
      if (before) return before;
      throw refusal;
    }
    return this.append(made, body, reservation, context);
  }

  /** What an earlier request has made under this one's name. @throws Conflict its body was another one */
  private async madeBefore(
    made: T,
    id: string,
    body: unknown,
    context: RequestContext,
  ): Promise<Accepted<T> | undefined> {
    const { commits, ofMade } = this.of;
    const earlier = await commits.submissionOf(id);
    if (!earlier) return undefined;
    if (earlier.id !== commits.idOfSubmission(id, body)) throw this.taken(made, context);
    return { id, sequence: earlier.sequence, reservation: ofMade(made, id), made };
  }

  /** The commit is named after the object and the request's body: a repeated request finds its commit, another one under the same name does not. */
  private async append(
    made: T,
    body: unknown,
    reservation: Reservation,
    context: RequestContext,
  ): Promise<Accepted<T>> {
    const { id, isNew } = reservation;
    const { kind, commits, nothing, commandOf } = this.of;
    try {
      const sequence = await commits.decide({
        id,
        command: commandOf(made, id, context.account.id),
        commitId: commits.idOfSubmission(id, body),
        meta: userMeta('submission', context, { kind: 'user', id: context.account.id }),
        loaded: isNew ? nothing : undefined,
      });
      return { id, sequence, reservation, made };
    } catch (error) {
      const exists = error instanceof CommandRejected && error.rejection.code === `${kind}-exists`;
      const isUnanswered = error instanceof LogUnavailable && !(error instanceof WritesStopped);
      // What another request may have made is left to it.
      if (exists || isUnanswered) reservation.leaveUnknown();
      else await reservation.release();
      throw exists ? this.taken(made, context) : error;
    }
  }

  /** Another request was accepted under this one's key, or under its name while nobody knew whether it was. */
  private taken(made: T, { idempotencyKey }: RequestContext): Error {
    const { kind, shortnameOf } = this.of;
    return idempotencyKey === undefined
      ? shortnameTaken(kind, shortnameOf(made))
      : new Conflict('This Idempotency-Key was used for another request', { code: 'idempotency-key-used' });
  }
}

const unlessRefused = async <T>(reservation: Reservation, step: (id: string) => T | Promise<T>): Promise<T> => {
  try {
    return await step(reservation.id);
  } catch (refusal) {
    await reservation.release();
    throw refusal;
  }
};
