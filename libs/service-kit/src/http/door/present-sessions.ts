import type { FastifyInstance } from 'fastify';
import { presentSession } from '@fornax/identity';

/** Lets the session of a browser's cookie stand for a token. Call before what asks for tokens. */
export const presentSessions = (fastify: FastifyInstance): void => {
  fastify.addHook('onRequest', (request, _, done) => {
    presentSession(request.raw);
    done();
  });
};
