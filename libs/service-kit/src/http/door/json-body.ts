import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Invalid, scanJson } from '@fornax/base';
import { SMALL_BODY } from '@fornax/identity';

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const BLANK = /^[ \t\r\n]*$/;
/** Also where a part of it may be written in escapes. */
const PROTOTYPE = /__proto__|\\u00/i;

/** `__proto__` in a body is never a wish of ours. */
const withoutPrototype = (key: string, value: unknown): unknown => (key === '__proto__' ? undefined : value);

/** @throws Invalid what is wrong, before anything is parsed where that is possible */
const parse = (body: Buffer, request: FastifyRequest): unknown => {
  const bytes = body.subarray(0, BOM.length).equals(BOM) ? body.subarray(BOM.length) : body;
  const problem = scanJson(bytes, { ...SMALL_BODY, ...request.routeOptions.config.door?.body });
  if (problem !== undefined) throw new Invalid(`The request body ${problem}`, { code: 'body-too-complex' });
  if (!isUtf8(bytes)) throw new Invalid('The request body is not valid UTF-8', { code: 'malformed-json' });
  const text = bytes.toString('utf8');
  if (BLANK.test(text)) return undefined;
  try {
    // The reviver is slow, and needed by nobody who means well.
    return PROTOTYPE.test(text) ? JSON.parse(text, withoutPrototype) : JSON.parse(text);
  } catch {
    throw new Invalid('The request body is not valid JSON', { code: 'malformed-json' });
  }
};

/**
 * One parser for every content type, because clients send JSON under many names and empty bodies under any (contract, 1.3): nothing
 * becomes `undefined`, everything else must be JSON within the bounds of its route.
 */
export const acceptAnyJson = (fastify: FastifyInstance): void => {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, parse(Buffer.isBuffer(body) ? body : Buffer.from(body), request));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
};
