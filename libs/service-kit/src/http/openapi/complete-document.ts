import { MAX_REASON_CHARS } from '@fornax/contracts';
import type { OpenAPIObject } from '@nestjs/swagger';
import { PUBLIC_EXTENSION, REASON_HEADER_NAME } from '@fornax/identity';
import type { Operation, Parameter, PathItem, Reference } from './openapi-types.js';
import { ERROR_DESCRIPTIONS, ERROR_SCHEMAS, errorContent } from './error-answers.js';
import { modernSchema } from './modern-schema.js';
import { operationsPaths } from './operations-paths.js';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/**
 * Adds what holds for every route and no route says of itself: the success that is really sent (see `answer200`), errors and their
 * bodies, exactly the parameters that the path has. What a route does say stays.
 */
export const completeDocument = (document: OpenAPIObject): OpenAPIObject => {
  const paths: Record<string, PathItem> = {};
  for (const [path, item] of Object.entries(document.paths)) {
    paths[path] = {};
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) paths[path][method] = completed(operation, method, path);
    }
  }
  const complete = {
    ...document,
    openapi: '3.1.0',
    paths: { ...paths, ...operationsPaths },
    components: { ...document.components, schemas: { ...document.components?.schemas, ...ERROR_SCHEMAS } },
  };
  return modernSchema(complete) as OpenAPIObject;
};

const completed = (operation: Operation, method: string, path: string): Operation => {
  const { [PUBLIC_EXTENSION]: isPublic, ...rest } = operation as Operation & { [PUBLIC_EXTENSION]?: boolean };
  return {
    ...rest,
    // Nest names an operation after its method alone, which several paths may share.
    operationId: `${method}${path.replaceAll(/[^A-Za-z0-9]+(.)?/g, (_, next: string = '') => next.toUpperCase())}`,
    parameters: [
      ...parametersOf(operation, path),
      ...(isPublic !== true && keepsReason(method, path) ? [REASON_PARAMETER] : []),
    ],
    ...bodyOf(operation),
    responses: responsesOf(operation, method, path, isPublic === true),
    ...(isPublic === true ? { security: [] } : {}),
  };
};

/** Requests that leave no event behind: reads that need a body, output that is fetched, repairs of what can be derived. */
const NO_EVENT = /\/(?:search|paginate|std(?:out|err)(?:\/\{instance\})?|rebuild|test|restart)$/;
const keepsReason = (method: string, path: string): boolean => method !== 'get' && !NO_EVENT.test(path);

const REASON_PARAMETER: Parameter = {
  name: REASON_HEADER_NAME,
  in: 'header',
  required: false,
  description:
    'Why you do this, kept with the event: percent-encoded UTF-8, one line. A request that is repeated under its Idempotency-Key keeps the first one.',
  schema: { type: 'string', maxLength: MAX_REASON_CHARS },
};

type JsonBody = {
  readonly schema?: { readonly required?: readonly string[]; readonly anyOf?: readonly JsonBody['schema'][] };
};

/** Whether nothing at all would not do: an empty body counts as `{}`. */
const hasRequired = (schema: JsonBody['schema']): boolean =>
  (schema?.required?.length ?? 0) > 0 || (schema?.anyOf?.some(hasRequired) ?? false);

const bodyOf = ({ requestBody }: Operation): Pick<Operation, 'requestBody'> => {
  if (requestBody === undefined || !('content' in requestBody)) return {};
  const body = requestBody.content['application/json'] as JsonBody | undefined;
  return { requestBody: { ...requestBody, required: hasRequired(body?.schema) } };
};

const isParameter = (parameter: Parameter | Reference): parameter is Parameter => 'in' in parameter;

/** What a wildcard at the end of a route is called. */
const REST_OF_PATH = 'path';

/** An array of paths at one handler gives each of them the parameters of all; a wildcard has none. */
const parametersOf = ({ parameters = [] }: Operation, path: string): Parameter[] => {
  const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name);
  const declared = parameters
    .filter(isParameter)
    .filter((parameter) => parameter.in !== 'path' || names.includes(parameter.name));
  const missing = names.filter((name) => !declared.some((parameter) => parameter.name === name));
  return [
    ...declared,
    ...missing.map((name) => ({
      name,
      in: 'path' as const,
      required: true,
      ...(name === REST_OF_PATH ? { description: 'The rest of the path, which may hold slashes' } : {}),
      schema: { type: 'string' },
    })),
  ];
};

/** Errors that any route of its kind may answer. */
const commonErrors = (method: string, path: string, isPublic: boolean): readonly string[] => [
  '400',
  ...(isPublic ? [] : ['401', '403']),
  ...(path.includes('{') ? ['404'] : []),
  ...(method === 'get' ? [] : ['409']),
  ...(method === 'get' || method === 'delete' ? [] : ['413', '415']),
  ...(isPublic ? [] : ['429']),
  '431',
  '503',
  ...(method === 'get' ? [] : ['504', '507']),
];

const responsesOf = (operation: Operation, method: string, path: string, isPublic: boolean): Operation['responses'] => {
  const { 201: created, ...declared } = operation.responses;
  const responses: Operation['responses'] = { ...declared };
  if (created && !responses['200']) responses['200'] = created;
  for (const status of commonErrors(method, path, isPublic)) responses[status] ??= { description: '' };
  for (const [status, response] of Object.entries(responses)) {
    if (Number(status) < 400 || response === undefined || '$ref' in response) continue;
    const description = response.description || (ERROR_DESCRIPTIONS[status] ?? 'An error');
    responses[status] = { ...response, description, content: response.content ?? errorContent(status) };
  }
  return responses;
};
