import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { OutputOf } from '../model/output-of.js';

/** What kind of thing printed it, and which stream. */
export type AskedOutput = Pick<OutputOf, 'kind' | 'stream'>;

/** Parameter: the output that the route is for, as its path says; an id in the path plays no part. */
export const Asked = createParamDecorator((_: unknown, context: ExecutionContext): AskedOutput => {
  const { url = '' } = context.switchToHttp().getRequest<FastifyRequest>().routeOptions;
  return {
    kind: /\/pools?\/:id/.test(url) ? 'pools' : 'tasks',
    stream: /\/stderr(\/|$)/.test(url) ? 'stderr' : 'stdout',
  };
});
