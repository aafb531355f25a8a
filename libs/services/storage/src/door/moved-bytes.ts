import type { IncomingMessage, ServerResponse } from 'node:http';
import { counterOf } from '@fornax/base';

const moved = counterOf('fornax.s3.io');

const lengthOf = (header: string | number | readonly string[] | undefined): number => {
  const length = Number(header ?? 0);
  return Number.isSafeInteger(length) ? length : 0;
};

/** Counts what a request that was answered well has brought, or what its answer took away, by the lengths that both sides were told. */
export const countMoved = ({ method, headers }: IncomingMessage, response: ServerResponse): void => {
  if (response.statusCode >= 300) return;
  if (method === 'PUT' || method === 'POST') moved.add(lengthOf(headers['content-length']), { direction: 'in' });
  if (method === 'GET') moved.add(lengthOf(response.getHeader('content-length')), { direction: 'out' });
};
