import { DroppedMessages, inSpan, payloadOf, type Refusals } from '@fornax/base';
import type { Logger } from '../ports/logger.js';
import type { NatsConnection } from './nats-connection.js';

/** Answers one request; what it throws becomes an error reply without details. */
export type Answer = (payload: unknown, subject: string) => unknown;

/** Should two leaders overlap for a moment during a handover, one of them gets each request. */
const QUEUE = 'fornax';

const errorReply = (code: string, message: string): string => JSON.stringify({ error: { code, message } });

const reply = async (
  answer: Answer,
  payload: unknown,
  subject: string,
  dropped: Refusals<'unanswered'>,
): Promise<string> => {
  try {
    return JSON.stringify({ ok: (await answer(payload, subject)) ?? null });
  } catch (error) {
    // Counted, and told now and then: whoever asks nonsense in a loop floods no log.
    dropped.refuse('unanswered', { subject, err: error });
    return errorReply('bad-request', 'The request could not be answered');
  }
};

/**
 * Answers requests on a subject until the signal aborts, in the form of the RPC client. Not a Nest handler, because only the leader has the
 * answers: with nobody leading, a caller learns at once that nobody listens, instead of asking a standby.
 */
export const serve = (
  nc: NatsConnection,
  subject: string,
  answer: Answer,
  logger: Logger,
  signal: AbortSignal,
): void => {
  const dropped = new DroppedMessages<'unanswered' | 'answer-too-large' | 'too-large' | 'unreadable'>(
    'requests',
    logger,
  );
  const subscription = nc.subscribe(subject, {
    queue: QUEUE,
    callback: (error, message) => {
      if (error) return;
      const parent = message.headers?.get('traceparent');
      void inSpan(`answer ${subject}`, { kind: 'server', ...(parent ? { parent } : {}) }, async () => {
        const text = await reply(answer, payloadOf(message, dropped), message.subject, dropped);
        const isTooLarge = Buffer.byteLength(text) > (nc.info?.max_payload ?? Number.POSITIVE_INFINITY);
        if (isTooLarge) dropped.refuse('answer-too-large', { subject: message.subject });
        message.respond(isTooLarge ? errorReply('answer-too-large', 'The answer is too large for a message') : text);
      });
    },
  });
  signal.addEventListener(
    'abort',
    () => {
      if (!nc.isClosed()) subscription.unsubscribe();
    },
    { once: true },
  );
};
