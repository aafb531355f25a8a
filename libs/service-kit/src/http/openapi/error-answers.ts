import type { Answer, Schema } from './openapi-types.js';

const text: Schema = { type: 'string' };
const closed = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  properties: { ...properties },
  required: Object.keys(properties),
  additionalProperties: false,
});

/** The bodies of errors (contract, section 1.7): all have a `message`. */
export const ERROR_SCHEMAS = {
  Error: { ...closed({ message: text }), additionalProperties: true },
  AuthenticationError: closed({
    message: text,
    error: closed({ message: text, code: { type: 'integer' } }),
    data: { type: 'object' },
  }),
  ValidationProblem: closed({
    type: text,
    title: text,
    status: { type: 'integer' },
    traceId: text,
    message: text,
    errors: { type: 'object', additionalProperties: { type: 'array', items: text } },
  }),
} as const satisfies Readonly<Record<string, Schema>>;

const reference = (name: keyof typeof ERROR_SCHEMAS) => ({ schema: { $ref: `#/components/schemas/${name}` } });
const json = { 'application/json': reference('Error') };

/** What a status at and above 400 carries. */
export const errorContent = (status: string): NonNullable<Answer['content']> => {
  if (status === '401') return { 'application/json': reference('AuthenticationError') };
  if (status === '400') return { ...json, 'application/problem+json': reference('ValidationProblem') };
  return json;
};

export const ERROR_DESCRIPTIONS: Readonly<Record<string, string>> = {
  400: 'The request is not valid; a problem names the fields',
  401: 'There is no valid token',
  402: 'Credits or the plan do not cover it',
  403: 'Not allowed, not possible in this state, or a quota is reached',
  404: 'There is no such object',
  409: 'It is in conflict with what is there',
  413: 'The body is too large',
  415: 'The body is compressed',
  429: 'Too many wrong tokens came from the same address',
  431: 'The address and the headers are together longer than 16 KiB',
  503: 'A part of the platform cannot be reached, or nothing may be written now; nothing was changed, the same request may be sent again',
  504: 'Nobody can say yet whether it was done; the same request, sent again, is taken for this one',
  507: 'There is no room to write; nothing was changed, the same request may be sent again once there is',
};
