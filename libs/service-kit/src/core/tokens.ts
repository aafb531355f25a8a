/** Injection tokens of what CoreModule provides. Classes (AccountDirectory, Sealer, RpcClient, ProjectionHost, HealthRegistry) are their own tokens. */
export const CORE_CONFIG = Symbol('fornax.core-config');
/** The environment that the process was started with: `Env`. What reads its own settings takes them from here. */
export const ENV = Symbol('fornax.env');
/** NatsConnection */
export const NATS = Symbol('fornax.nats');
/** NatsConnection for what nodes push by themselves: what they flood is cut off without a commit of anybody. */
export const NODES_NATS = Symbol('fornax.nodes-nats');
/** EventLog */
export const EVENT_LOG = Symbol('fornax.event-log');
/** DurablePublisher */
export const PUBLISHER = Symbol('fornax.publisher');
/** Clock */
export const CLOCK = Symbol('fornax.clock');
/** MonotonicClock */
export const MONOTONIC_CLOCK = Symbol('fornax.monotonic-clock');
/** pino Logger */
export const LOGGER = Symbol('fornax.logger');
