import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AccountDirectory } from '../accounts/account-directory.js';
import { admissionsOf } from './admissions.js';
import { admissionOf } from './auth.guard.js';

const isLive = (reply: FastifyReply): boolean =>
  String(reply.getHeader('content-type')).startsWith('text/event-stream');

/**
 * An answer that goes on for hours (Server-Sent Events) was admitted once. It is cut off when its token is revoked or expires, and when
 * its account is disabled or may no longer read what it reads; the reader comes back and is told so.
 */
export const endLiveAnswers = (fastify: FastifyInstance, accounts: AccountDirectory): void => {
  const admissions = admissionsOf(accounts);
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const admission = isLive(reply) ? admissionOf(request) : undefined;
    if (admission)
      reply.raw.once(
        'close',
        admissions.watch(admission, () => void reply.raw.destroy()),
      );
    done(null, payload);
  });
};
