import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Invalid, NotFound } from '@fornax/base';
import { wireErrorOf } from '../errors/wire-error.js';
import { errorBody } from '../errors/wire-exception.filter.js';
import type { DoorLimits } from './door/door-limits.js';
import { serverOptions } from './door/guard-connections.js';
import { SMALL_BODY } from '@fornax/identity';
import { parseQuery } from './parse-query.js';
import { rewriteUrl } from './rewrite-url.js';

/** What the router itself refuses: a path that cannot be decoded, and one with a part so long that nothing can be called so. */
function answerFrameworkError(error: FastifyError, _: FastifyRequest, reply: FastifyReply): void {
  const isTooLong = error.code === 'FST_ERR_MAX_PARAM_LENGTH';
  const wire = wireErrorOf(
    isTooLong ? new NotFound('There is nothing with so long a name') : new Invalid('The path is not valid'),
  );
  void reply
    .status(wire.status)
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify(errorBody(wire)));
}

export const fastifyOptions = (limits: DoorLimits) => ({
  bodyLimit: SMALL_BODY.sizeBytes,
  requestTimeout: limits.requestTimeoutMs,
  keepAliveTimeout: limits.keepAliveTimeoutMs,
  http: serverOptions(limits),
  rewriteUrl: ({ url }: { readonly url?: string | undefined }): string => rewriteUrl(url ?? '/'),
  frameworkErrors: answerFrameworkError,
  forceCloseConnections: 'idle' as const,
  routerOptions: { caseSensitive: false, querystringParser: parseQuery, maxParamLength: 1024 },
});

/** Success is 200 everywhere: one of the clients accepts nothing else (contract, 1.6), and Nest would say 201 to a POST. */
export const answer200 = (fastify: FastifyInstance): void => {
  fastify.addHook('onSend', (_, reply, payload, done) => {
    if (reply.statusCode === 201) reply.code(200);
    done(null, payload);
  });
};
