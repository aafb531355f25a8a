import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccountDirectory } from '../accounts/account-directory.js';
import { isStillAdmitted, tokenOf } from './auth.guard.js';

/** Node's timers take no more; a longer wait is looked at again in between. */
const LONGEST_TIMER_MS = 2_147_483_647;

const isLive = (reply: FastifyReply): boolean =>
  String(reply.getHeader('content-type')).startsWith('text/event-stream');

/**
 * An answer that goes on for hours (Server-Sent Events) was admitted once. It is cut off when its token is revoked or expires, and when
 * its account is disabled or may no longer read what it reads; the reader comes back and is told so.
 */
export const endLiveAnswers = (fastify: FastifyInstance, accounts: AccountDirectory): void => {
  const checks = new Set<() => void>();
  accounts.onChange(() => {
    for (const check of checks) check();
  });

  const watch = (request: FastifyRequest, reply: FastifyReply): void => {
    let timer: NodeJS.Timeout | undefined;
    const check = (): void => {
      clearTimeout(timer);
      if (!isStillAdmitted(request, accounts)) return void reply.raw.destroy();
      const leftMs = accounts.msLeftOf(tokenOf(request.headers.authorization));
      if (Number.isFinite(leftMs)) timer = setTimeout(check, Math.min(leftMs, LONGEST_TIMER_MS)).unref();
    };
    checks.add(check);
    reply.raw.once('close', () => {
      clearTimeout(timer);
      checks.delete(check);
    });
    check();
  };

  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (isLive(reply)) watch(request, reply);
    done(null, payload);
  });
};
