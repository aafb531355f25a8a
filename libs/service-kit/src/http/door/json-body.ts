import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Invalid, scanJson, ValidationFailed } from '@fornax/base';
import { pathOf } from '@fornax/contracts';
import { SMALL_BODY } from '@fornax/identity';

const MOST_PLACES = 100;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const BLANK = /^[ \t\r\n]*$/;
/** Also where a part of it may be written in escapes. */
const PROTOTYPE = /__proto__|\\u00/i;

/** Where a body has a key that would be lost, or worse, wherever it is copied. */
const prototypeKeys = (value: unknown, path: readonly PropertyKey[]): readonly string[] => {
  if (typeof value !== 'object' || value === null) return [];
  const steps = Array.isArray(value) ? value.entries() : Object.entries(value);
  return [...steps].flatMap(([step, item]: readonly [PropertyKey, unknown]) =>
    step === '__proto__' ? [pathOf([...path, step])] : prototypeKeys(item, [...path, step]),
  );
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Invalid('The request body is not valid JSON', { code: 'malformed-json' });
  }
};

/** @throws Invalid, ValidationFailed what is wrong, before anything is parsed where that is possible */
const parse = (body: Buffer, request: FastifyRequest): unknown => {
  const bytes = body.subarray(0, BOM.length).equals(BOM) ? body.subarray(BOM.length) : body;
  const problem = scanJson(bytes, { ...SMALL_BODY, ...request.routeOptions.config.door?.body });
  if (problem !== undefined) throw new Invalid(`The request body ${problem}`, { code: 'body-too-complex' });
  if (!isUtf8(bytes)) throw new Invalid('The request body is not valid UTF-8', { code: 'malformed-json' });
  const text = bytes.toString('utf8');
  if (BLANK.test(text)) return undefined;
  const value = parsed(text);
  // Few bodies are looked through.
  const places = PROTOTYPE.test(text) ? prototypeKeys(value, []).slice(0, MOST_PLACES) : [];
  if (places.length > 0)
    throw new ValidationFailed(Object.fromEntries(places.map((place) => [place, ['No key may be named so.']])));
  return value;
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
