import { z } from 'zod';

/*
 * How ports of an instance are reached. Its agent asks for a link (`fx.rpc.node.<node>.ways`), which submission gives if the lease is current on that node, and connects outward over
 * TCP, so that nodes may be behind whatever hides them. The first line that it sends says what the connection is for:
 *
 *   link <ticket>    once for each instance. The platform answers `open <port> <public port>` for each port that it forwards, then `carry <ticket> <port>` for each connection that comes,
 *                    `reach <ticket> <port>` for one that a session of the task's owner asks for, `enter <ticket>` for a command of one (sessions.ts), and `ping` now and then, which is answered by `pong`. `gone <ticket>` of the agent: nothing listens there. The forwards end with this connection.
 *   carry <ticket>   once for each connection that came: what follows are its bytes, in both directions, each with its end.
 *
 * A session asks for a link of its own by an order (`enter` of dispatch.ts), and the first line that the agent says on it is `ready`, or `cannot <why>`. `over <ticket> <exit code>` tells how its command ended.
 *
 * Instances of a task with a cluster profile reach each other over their links: `peer <number> <instance> <port>` of an agent asks for a connection, and is answered by `meet <number> <ticket>` once one
 * to that instance was carried, by `alone <number>`: nothing listens there yet, or by `full <number>`: as many are open as may be. The number is the agent's own.
 *
 * A ticket is good for one connection of one lease, for seconds, and told to nobody but the node that holds the lease.
 */

const id = z.string().min(1).max(128);
/** Who forwards, sealed. */
export const MOST_FORWARDER_CHARS = 2_000;
const port = z.number().int().min(1).max(65_535);

export const waysRequestSchema = z.object({ leaseId: id, taskId: id, instance: z.number().int().nonnegative() });
export const waysReplySchema = z.discriminatedUnion('granted', [
  z.object({
    granted: z.literal(true),
    /** Where the agent connects to. */
    host: z.string().min(1).max(255),
    port,
    ticket: z.string().min(1).max(128),
    /** Who forwards, in words that only the platform reads: told with the ports that are open. Absent of earlier ones. */
    forwarder: z.string().min(1).max(MOST_FORWARDER_CHARS).exactOptional(),
  }),
  z.object({
    granted: z.literal(false),
    reason: z.string(),
    /** Asked again, the answer would be another. */
    isForNow: z.literal(true).exactOptional(),
  }),
]);
export type WaysRequest = z.output<typeof waysRequestSchema>;
export type WaysReply = z.output<typeof waysReplySchema>;

/** Longest line of a link. */
export const MOST_WAY_LINE_CHARS = 200;
const PORT = '(\\d{1,5})';
const TICKET = '([A-Za-z0-9_-]{20,100})';
const LINES = {
  link: new RegExp(`^link ${TICKET}$`),
  carry: new RegExp(`^carry ${TICKET}$`),
  open: new RegExp(`^open ${PORT} ${PORT}$`),
  come: new RegExp(`^carry ${TICKET} ${PORT}$`),
  gone: new RegExp(`^gone ${TICKET}$`),
  reach: new RegExp(`^reach ${TICKET} ${PORT}$`),
  enter: new RegExp(`^enter ${TICKET}$`),
  over: new RegExp(`^over ${TICKET} (\\d{1,3})$`),
  cannot: /^cannot ([ -~]{1,180})$/,
  peer: new RegExp(`^peer (\\d{1,9}) (\\d{1,9}) ${PORT}$`),
  meet: new RegExp(`^meet (\\d{1,9}) ${TICKET}$`),
  alone: /^(alone|full) (\d{1,9})$/,
} as const;

/** What a first line says; undefined for any other text. */
export const parseWayGreeting = (
  line: string,
): { readonly kind: 'link' | 'carry'; readonly ticket: string } | undefined => {
  for (const kind of ['link', 'carry'] as const) {
    const ticket = LINES[kind].exec(line)?.[1];
    if (ticket !== undefined) return { kind, ticket };
  }
  return undefined;
};

export type WayOrder =
  | { readonly kind: 'open'; readonly port: number; readonly publicPort: number }
  | { readonly kind: 'carry' | 'reach'; readonly ticket: string; readonly port: number }
  | { readonly kind: 'enter'; readonly ticket: string }
  | { readonly kind: 'meet'; readonly number: number; readonly ticket: string }
  | { readonly kind: 'alone'; readonly number: number }
  | { readonly kind: 'full'; readonly number: number }
  | { readonly kind: 'ping' };

/** What the platform says on a link; undefined for what a later one says. */
export const parseWayOrder = (line: string): WayOrder | undefined => {
  if (line === 'ping') return { kind: 'ping' };
  const [, own, other] = LINES.open.exec(line) ?? [];
  if (own !== undefined) return { kind: 'open', port: Number(own), publicPort: Number(other) };
  const [, met, way] = LINES.meet.exec(line) ?? [];
  if (way !== undefined) return { kind: 'meet', number: Number(met), ticket: way };
  const [, alone, number] = LINES.alone.exec(line) ?? [];
  if (alone === 'alone' || alone === 'full') return { kind: alone, number: Number(number) };
  const entering = LINES.enter.exec(line)?.[1];
  if (entering !== undefined) return { kind: 'enter', ticket: entering };
  for (const kind of ['come', 'reach'] as const) {
    const [, ticket, to] = LINES[kind].exec(line) ?? [];
    if (ticket !== undefined) return { kind: kind === 'come' ? 'carry' : kind, ticket, port: Number(to) };
  }
  return undefined;
};

/** Whether an agent can do what a session asks for, by the first line of its link; else why not. */
export const parseWayReady = (line: string): { readonly why?: string } =>
  line === 'ready' ? {} : { why: LINES.cannot.exec(line)?.[1] ?? 'its node does not say why' };

/** What an agent says instead of `ready`: a sentence that fits a line. */
export const cannotLine = (why: string): string =>
  `cannot ${
    why
      .replaceAll(/[^ -~]+/g, ' ')
      .trim()
      .slice(0, 180) || 'it does not say why'
  }\n`;

/** How a command of a session ended; undefined for another line of an agent. */
export const parseWayOver = (line: string): { readonly ticket: string; readonly exitCode: number } | undefined => {
  const [, ticket, code] = LINES.over.exec(line) ?? [];
  return ticket === undefined ? undefined : { ticket, exitCode: Number(code) };
};

/** The ticket of a connection that found nobody; undefined for another line of an agent. */
export const parseWayGone = (line: string): string | undefined => LINES.gone.exec(line)?.[1];

/** What an agent asks for that wants a connection to another instance of a task; undefined for another line of it. */
export const parseWayPeer = (
  line: string,
): { readonly number: number; readonly instance: number; readonly port: number } | undefined => {
  const [, number, instance, port] = LINES.peer.exec(line) ?? [];
  return number === undefined ? undefined : { number: Number(number), instance: Number(instance), port: Number(port) };
};
