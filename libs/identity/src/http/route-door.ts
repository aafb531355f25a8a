import { RouteConfig } from '@nestjs/platform-fastify';
import type { JsonBounds } from '@fornax/base';

/** Bounds of a route's body, all checked before it is parsed. */
export interface BodyBounds extends JsonBounds {
  readonly sizeBytes: number;
}

/** What the door knows of a route before anything of a request but its headers is read. */
export interface RouteDoor {
  /** Needs no token. Whoever brings one to a route with a check brings a right one. */
  readonly isAnonymous?: boolean;
  /** Name of the check in `HeaderChecks` that stands in for the token of an account. */
  readonly headerCheck?: string;
  /** Answers also when there is no room for more requests. */
  readonly isUrgent?: boolean;
  readonly body?: Partial<BodyBounds>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly door?: RouteDoor;
  }
}

/** Names and flags: nothing that means well is larger. So deep, because a filter of 32 levels (the most that there may be) is two of JSON for each. */
export const SMALL_BODY: BodyBounds = { sizeBytes: 64 * 1024, depth: 80, values: 20_000 };

/** Largest body of any route; files go to the S3 endpoint. */
export const BODY_LIMIT_BYTES = 1024 * 1024;

/** Descriptions of tasks, pools and jobs, one or many, and values that a user stores. */
export const LARGE_BODY: BodyBounds = { sizeBytes: BODY_LIMIT_BYTES, depth: 80, values: 200_000 };

const DOOR = 'fornax:door';

/** Adds to what is known of a route; parts of several decorators come together. */
export const routeDoor =
  (part: RouteDoor): MethodDecorator =>
  (target, key, descriptor) => {
    const handler: unknown = descriptor.value;
    if (typeof handler !== 'function') return;
    const before = Reflect.getMetadata(DOOR, handler) as RouteDoor | undefined;
    const door: RouteDoor = { ...before, ...part };
    Reflect.defineMetadata(DOOR, door, handler);
    RouteConfig({ door })(target, key, descriptor);
  };

/** The route takes bodies of this size and shape; without it `SMALL_BODY` holds. */
export const BodyLimit = (body: Partial<BodyBounds>): MethodDecorator => routeDoor({ body });
