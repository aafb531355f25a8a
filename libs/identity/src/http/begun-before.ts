import type { FastifyRequest } from 'fastify';

const requests = new WeakSet<object>();

/** An earlier request under this one's key was begun, and nobody has kept an answer of it. */
export const noteBegunBefore = (request: FastifyRequest): void => void requests.add(request.raw);

export const wasBegunBefore = (request: FastifyRequest): boolean => requests.has(request.raw);
