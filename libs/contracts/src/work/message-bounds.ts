import { isNodeRpcSubject } from '../subjects/subjects.js';
import { MAX_LIVE_INSTANCES } from './live.js';
import { MAX_HELD_LEASES } from './reports.js';

/** What a message may hold, told before it is parsed. */
export interface MessageBounds {
  readonly sizeBytes: number;
  /** Arrays and objects inside each other. */
  readonly depth: number;
  /** Values of any kind, containers included. */
  readonly values: number;
}

/** Reports in one message of a node; an agent puts 500 at most into one. */
export const MAX_REPORTS = 1_000;

const KIB = 1024;
const MIB = 1024 * KIB;

/** With room for members that a later agent adds. */
const VALUES_OF_REPORT = 40;
const VALUES_OF_LIVE_INSTANCE = 20;
const VALUES_OF_HELD_LEASE = 8;

/**
 * Bounds of what nodes say, several times what an honest agent needs. The server takes messages of 8 MiB from everybody, which is room for millions of
 * values: seconds of work for whoever parses them.
 */
export const NODE_MESSAGES = {
  /** Five hundred ends with a kilobyte of standard error each, and several times that. */
  reports: { sizeBytes: 4 * MIB, depth: 8, values: MAX_REPORTS * VALUES_OF_REPORT },
  snapshotReports: { sizeBytes: MIB, depth: 4, values: MAX_REPORTS * VALUES_OF_REPORT },
  live: { sizeBytes: 4 * MIB, depth: 5, values: MAX_LIVE_INSTANCES * VALUES_OF_LIVE_INSTANCE },
  heartbeat: { sizeBytes: MIB, depth: 4, values: 100 + MAX_HELD_LEASES * VALUES_OF_HELD_LEASE },
  /** The longest is a join, with a hundred warnings. */
  request: { sizeBytes: MIB, depth: 8, values: 1_000 },
} as const satisfies Readonly<Record<string, MessageBounds>>;

/** Of a service's request to another, which may name as much as a user's request does. */
const SERVICE_REQUEST: MessageBounds = { sizeBytes: 8 * MIB, depth: 80, values: 1_000_000 };

/** Of a request on that subject. */
export const requestBounds = (subject: string): MessageBounds =>
  isNodeRpcSubject(subject) ? NODE_MESSAGES.request : SERVICE_REQUEST;
