import type { PathItem, Schema } from './openapi-types.js';

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const reasons: Schema = {
  type: 'array',
  items: {
    type: 'object',
    properties: { name: text, reason: text, ways: texts, isWorkedOn: { type: 'boolean' } },
    required: ['name', 'reason'],
  },
};

const stops: Schema = {
  type: 'array',
  items: {
    type: 'object',
    properties: { name: text, status: { type: 'integer' }, message: text, ways: texts },
    required: ['name', 'status', 'message', 'ways'],
  },
};

const answer = (properties: Readonly<Record<string, Schema>>) => ({
  description: '',
  content: {
    'application/json': {
      schema: { type: 'object', properties: { ...properties }, required: Object.keys(properties) },
    },
  },
});

const get = (path: string, summary: string, responses: Readonly<Record<string, object>>): PathItem => ({
  get: {
    operationId: `get${path.replaceAll(/[^a-z]+(.)?/g, (_, next: string = '') => next.toUpperCase())}`,
    summary,
    tags: ['operations'],
    security: [],
    responses: responses as NonNullable<PathItem['get']>['responses'],
  },
});

const file = (type: string) => ({ 200: { description: '', content: { [type]: { schema: text } } } });
const ready = answer({ status: text, service: text, reasons, degraded: reasons, stops, message: text });

/** The routes that are served beside Nest: see `operationsRoutes`. */
export const operationsPaths: Readonly<Record<string, PathItem>> = {
  '/health/live': get('/health/live', 'The process is there', { 200: answer({ status: text, service: text }) }),
  '/health/ready': get('/health/ready', 'It can do its work', { 200: ready, 503: ready }),
  '/health': get('/health', 'Readiness and warnings in one', {
    200: answer({ status: text, service: text, reasons, degraded: reasons, stops, warnings: texts, release: text }),
  }),
  '/metrics': get('/metrics', 'Metrics in the text format of Prometheus', file('text/plain')),
  '/openapi.json': get('/openapi.json', 'This document', {
    200: answer({ openapi: text, info: { type: 'object' }, paths: { type: 'object' } }),
  }),
  '/docs': get('/docs', 'The documentation; 404 says how it is built', {
    ...file('text/html'),
    404: { description: 'It is not built yet', content: { 'text/html': { schema: text } } },
  }),
  '/docs/api': get('/docs/api', 'A page to browse this document', file('text/html')),
};
