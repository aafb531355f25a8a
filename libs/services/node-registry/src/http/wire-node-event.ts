import { eventVersionOf, type RecordedCommit } from '@fornax/contracts';
import { z } from 'zod';

/** An event of a node as operators read it. */
export const nodeEventSchema = z.object({
  /** `<sequence>.<index>`: the same for good, and in order. */
  id: z.string(),
  sequence: z.int().nonnegative(),
  index: z.int().nonnegative(),
  type: z.string(),
  version: z.int().positive(),
  /** RFC 3339, by the clock of the service that decided. */
  at: z.string(),
  nodeId: z.string(),
  /** Who: `user:<account id>`, `service:<name>` or `node:<node id>`. */
  actor: z.string(),
  /** Why, in the actor's words; null when it gave no reason. */
  reason: z.string().nullable(),
  /** Of a loss: `heartbeat` (silent), `left` (stopped in order), `rejoined` (started anew) or `revoked` (its credentials were taken back); null of anything else. */
  cause: z.string().nullable(),
  /** The session of the node that it is about; null of what is about none. */
  epoch: z.int().nullable(),
  correlationId: z.string(),
  /** More of the event, by an allow-list. */
  data: z.record(z.string(), z.unknown()),
});
export type WireNodeEvent = z.output<typeof nodeEventSchema>;

/** What is shown of any event besides its cause and session. What is not named here stays in the log: it may open something. */
const SHOWN: readonly string[] = ['bootId', 'driver', 'hardware', 'warnings'];

/** The events of one commit of a node. */
export const nodeEventsOf = ({ sequence, aggregateId, events, meta }: RecordedCommit): readonly WireNodeEvent[] =>
  events.map((event, index) => ({
    id: `${sequence}.${index}`,
    sequence,
    index,
    type: event.type,
    version: eventVersionOf(event.type),
    at: new Date(event.at).toISOString(),
    nodeId: aggregateId,
    actor: meta.actor,
    reason: meta.reason ?? null,
    cause: event.type === 'NodeLost' ? event.cause : null,
    epoch: 'epoch' in event ? event.epoch : null,
    correlationId: meta.correlationId,
    data: Object.fromEntries(Object.entries(event).filter(([name]) => SHOWN.includes(name))),
  }));
