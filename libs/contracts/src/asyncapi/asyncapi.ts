import { z } from 'zod';
import { AGGREGATES, type Aggregate } from '../subjects/subjects.js';
import { dispatchMessageSchema } from '../work/dispatch.js';
import { liveMessageSchema } from '../work/live.js';
import { heartbeatSchema, nodeReportsSchema, snapshotReportSchema } from '../work/reports.js';
import { cloudEventType, COMMIT_CONTENT_TYPE } from '../events/codec.js';
import { MAX_REASON_CHARS } from '../events/commit.js';
import { eventSchemas } from '../events/schemas.js';

/** JSON Schema of a zod schema in the dialect that AsyncAPI 3.0 takes by default (draft 7). */
const jsonSchema = (schema: z.ZodType): object => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  return rest;
};

const text = { type: 'string' };

/** One CloudEvent as it stands in a batch: the envelope of `encodeCommit` around one payload. */
const envelope = (type: string, aggregate: Aggregate, data: object): object => ({
  type: 'object',
  required: ['specversion', 'id', 'source', 'type', 'subject', 'time', 'actor', 'correlationid', 'data'],
  properties: {
    specversion: { const: '1.0' },
    id: { ...text, description: '<commit id>/<index in the commit>' },
    source: { ...text, description: '/fornax/<service that decided>' },
    type: { const: type },
    subject: { ...text, description: `${aggregate}/<id>` },
    time: { ...text, format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    actor: { ...text, description: 'user:<account id>, service:<name> or node:<node id>' },
    onbehalfof: {
      ...text,
      description: 'user:<account id> or organisation:<id>: whose things somebody else changed',
    },
    reason: { ...text, maxLength: MAX_REASON_CHARS, description: 'why, in the words of who asked' },
    correlationid: text,
    causationid: text,
    traceparent: { ...text, description: 'W3C trace context' },
    leaderepoch: { type: 'integer' },
    data,
  },
});

/** Streams of work beside the log (architecture, section 2): channel name, address, parameter and payload. */
const workChannels = [
  {
    name: 'dispatch',
    address: 'fx.dispatch.{node}',
    payload: dispatchMessageSchema,
    about: 'Leases and orders to a node',
  },
  {
    name: 'report',
    address: 'fx.report.{node}',
    payload: nodeReportsSchema,
    about: 'What a node observed about its leases',
  },
  {
    name: 'snapshotReport',
    address: 'fx.report.{node}.snapshot',
    payload: snapshotReportSchema,
    about: 'What a node reports about a snapshot',
  },
  {
    name: 'heartbeat',
    address: 'fx.hb.{node}',
    payload: heartbeatSchema,
    about: 'Signs of life (core NATS, not stored)',
  },
  {
    name: 'live',
    address: 'fx.live.{node}',
    payload: liveMessageSchema,
    about: "What a node's instances do now (core NATS, not stored)",
  },
] as const;

/**
 * The event catalogue as an AsyncAPI 3.0 document, made from the schemas that the codec enforces.
 * One channel an aggregate; one message on it is one commit: a batch of any of the aggregate's events.
 */
export const asyncApiDocument = (): object => {
  const described = Object.entries(eventSchemas).map(([name, { version, aggregate, schema }]) => ({
    key: `${name}.v${version}`,
    aggregate,
    schema: envelope(cloudEventType(name, version), aggregate, jsonSchema(schema)),
  }));
  const written = AGGREGATES.filter((aggregate) => described.some((event) => event.aggregate === aggregate));

  return {
    'x-generated':
      'from libs/contracts/src/events; do not edit. UPDATE_GENERATED=1 and the spec of asyncapi.ts write it anew.',
    asyncapi: '3.0.0',
    info: {
      title: 'Fornax events',
      version: '1.0.0',
      description: 'The durable event log of Fornax and the streams that work beside it, on NATS.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries([
      ...written.map((aggregate) => [
        aggregate,
        {
          address: `fx.ev.${aggregate}.{id}`,
          description: `Commits of the ${aggregate} aggregate, in the stream FORNAX_EVENTS.`,
          parameters: { id: { description: `Id of the ${aggregate}, percent-encoded` } },
          messages: { commit: { $ref: `#/components/messages/${aggregate}Commit` } },
        },
      ]),
      ...workChannels.map(({ name, address, about }) => [
        name,
        {
          address,
          description: about,
          parameters: { node: { description: 'Id of the node, percent-encoded' } },
          messages: { [name]: { $ref: `#/components/messages/${name}` } },
        },
      ]),
    ]),
    operations: Object.fromEntries(
      [...written, ...workChannels.map(({ name }) => name)].map((channel) => [
        `follow_${channel}`,
        { action: 'receive', channel: { $ref: `#/channels/${channel}` } },
      ]),
    ),
    components: {
      messages: Object.fromEntries([
        ...written.map((aggregate) => [
          `${aggregate}Commit`,
          {
            name: `${aggregate}Commit`,
            title: `One commit of a ${aggregate}: a CloudEvents 1.0 JSON batch`,
            contentType: COMMIT_CONTENT_TYPE,
            payload: {
              type: 'array',
              minItems: 1,
              items: {
                oneOf: described
                  .filter((event) => event.aggregate === aggregate)
                  .map(({ key }) => ({ $ref: `#/components/schemas/${key}` })),
              },
            },
          },
        ]),
        ...workChannels.map(({ name, payload, about }) => [name, { name, title: about, payload: jsonSchema(payload) }]),
      ]),
      schemas: Object.fromEntries(described.map(({ key, schema }) => [key, schema])),
    },
  };
};
