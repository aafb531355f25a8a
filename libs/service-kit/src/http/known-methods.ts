import type { FastifyInstance } from 'fastify';
import { errorBody } from '../errors/wire-exception.filter.js';

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** A route's path as an expression over request paths, in any case as the router takes them. */
const patternOf = (route: string): RegExp => {
  const source = route
    .split('/')
    .map((part) =>
      part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`),
    )
    .join('/');
  return new RegExp(`^${source}$`, 'i');
};

/**
 * What the router calls "not found" although the path is known: another method is 405 with the methods that there are, and OPTIONS
 * says them. Call before routes are added.
 */
export const answerKnownMethods = (fastify: FastifyInstance): void => {
  const known = new Map<string, KnownPath>();
  fastify.addHook('onRoute', ({ url, method }) => {
    const path = known.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    known.set(url, path);
    for (const name of [method].flat()) path.methods.add(name);
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = [...known.values()].filter(({ pattern }) => pattern.test(path)).flatMap((one) => [...one.methods]);
    if (methods.length === 0) return done();
    reply.header('allow', [...new Set(methods)].sort().join(', '));
    if (request.method === 'OPTIONS') return void reply.status(204).send();
    const message = `${request.method} is not possible here`;
    const body = errorBody({ status: 405, code: 'method-not-allowed', message, expected: true });
    reply.status(405).type('application/json; charset=utf-8').send(JSON.stringify(body));
  });
};
