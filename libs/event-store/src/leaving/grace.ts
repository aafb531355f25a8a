import { SETTLE_MS } from '../jetstream-log/appender.js';
import { ANSWER_MS } from '../jetstream-log/grouped-publisher.js';
import { PUBLISH_MS } from '../jetstream/durable-publisher.js';
import { HOLDS_MS } from '../jetstream/left-prefix.js';

/** From whoever sends a message to the server, at most: by then it has come, or its connection is gone. */
const ON_ITS_WAY_MS = 5_000;

/**
 * For so long at least what has left stays in the log. Until then a process that goes on may send what it decided before it heard of that: it uses an
 * answer about what has left for a while, waits for a group before its own and for its own, and sends the message alone for as long as it may.
 */
export const LEAST_GRACE_MS = HOLDS_MS + 2 * ANSWER_MS + PUBLISH_MS + SETTLE_MS + ON_ITS_WAY_MS;
