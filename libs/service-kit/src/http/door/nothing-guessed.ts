import type { FastifyInstance } from 'fastify';

/** Keeps browsers from taking an answer for another type than it says: what an instance printed is text, also where it begins like a page. */
export const letNothingBeGuessed = (fastify: FastifyInstance): void => {
  fastify.addHook('onRequest', (_, reply, done) => {
    void reply.header('x-content-type-options', 'nosniff');
    done();
  });
};
