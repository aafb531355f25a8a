import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { OutputStream } from '@fornax/contracts';
import type { FastifyRequest } from 'fastify';

/** Parameter: the stream that the route is for, as its path says; an id in the path plays no part. */
export const AskedStream = createParamDecorator((_: unknown, context: ExecutionContext): OutputStream => {
  const { url = '' } = context.switchToHttp().getRequest<FastifyRequest>().routeOptions;
  return /\/stderr(\/|$)/.test(url) ? 'stderr' : 'stdout';
});
