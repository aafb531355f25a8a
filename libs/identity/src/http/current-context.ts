import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { accountOf } from './auth.guard.js';
import { contextOf, type RequestContext } from './request-context.js';

/** Parameter: the RequestContext of who asks, for commands. @throws Invalid the reason given cannot be shown */
export const CurrentContext = createParamDecorator((_: unknown, context: ExecutionContext): RequestContext => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return contextOf(request, accountOf(request));
});
