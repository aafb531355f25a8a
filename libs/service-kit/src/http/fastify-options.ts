import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Invalid, NotFound } from '../errors/errors.js';
import { wireErrorOf } from '../errors/wire-error.js';
import { errorBody } from '../errors/wire-exception.filter.js';
import { parseQuery } from './parse-query.js';
import { rewriteUrl } from './rewrite-url.js';

/** Bodies of the API are small; files go to the S3 endpoint. */
export const BODY_LIMIT_BYTES = 1024 * 1024;

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

export const fastifyOptions = {
  bodyLimit: BODY_LIMIT_BYTES,
  rewriteUrl: ({ url }: { readonly url?: string | undefined }): string => rewriteUrl(url ?? '/'),
  frameworkErrors: answerFrameworkError,
  forceCloseConnections: 'idle' as const,
  routerOptions: { caseSensitive: false, querystringParser: parseQuery, maxParamLength: 1024 },
};

/**
 * One parser for every content type, because clients send JSON under many names and empty bodies under any (contract, 1.3): nothing
 * becomes `undefined`, everything else must be JSON.
 */
export const acceptAnyJson = (fastify: FastifyInstance): void => {
  fastify.removeAllContentTypeParsers();
  const parse = (_: FastifyRequest, body: string, done: (error: Error | null, value?: unknown) => void): void => {
    if (body.trim() === '') return done(null, undefined);
    try {
      // The reviver is slow, and needed by nobody who means well.
      done(null, body.includes('__proto__') ? JSON.parse(body, withoutPrototype) : JSON.parse(body));
    } catch {
      done(new Invalid('The request body is not valid JSON', { code: 'malformed-json' }));
    }
  };
  fastify.addContentTypeParser('*', { parseAs: 'string' }, parse);
};

/** Success is 200 everywhere: one of the clients accepts nothing else (contract, 1.6), and Nest would say 201 to a POST. */
export const answer200 = (fastify: FastifyInstance): void => {
  fastify.addHook('onSend', (_, reply, payload, done) => {
    if (reply.statusCode === 201) reply.code(200);
    done(null, payload);
  });
};

/** `__proto__` in a body is never a wish of ours. */
const withoutPrototype = (key: string, value: unknown): unknown => (key === '__proto__' ? undefined : value);
