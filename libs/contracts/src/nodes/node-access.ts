import { z } from 'zod';

/** Longest name of a node: it is part of subjects, folders and host names. */
const MAX_NAME = 63;

/**
 * What a machine that joins may be called: a host name's first label. No dots, wild cards, spaces or capital letters, so the name is the
 * same in subjects, permissions and folders. `node-1`, `node-2` and so on belong to the platform's own machine.
 */
export const nodeNameSchema = z
  .string()
  .max(MAX_NAME, `at most ${MAX_NAME} characters`)
  .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'lower-case letters, digits and hyphens, such as gpu-a')
  .refine((name) => !/^node-\d+$/.test(name), 'names such as node-1 belong to the machine of the platform')
  // They would hide behind the routes of the same name.
  .refine((name) => name !== 'tokens' && name !== 'join', 'the names tokens and join are taken');

/** Whom a joined node says it is when it connects; never the name of a user of the server's configuration, which have no colon. */
export const nodeUser = (nodeId: string): string => `node:${nodeId}`;
export const parseNodeUser = (user: string): string | undefined =>
  user.startsWith('node:') ? user.slice('node:'.length) : undefined;

/** The public half of a NATS user key: `U` and 55 characters of base32. Its check sum is verified where it is used. */
export const nodePublicKeySchema = z.string().regex(/^U[A-Z2-7]{55}$/, 'must be the public half of a NATS user key');

const TOKEN = /^fnt_([0-9a-f-]{36})_([A-Za-z0-9_-]{43})$/;

/** A one-time token: its id, by which it is looked up, and 256 random bits. */
export const renderNodeToken = (tokenId: string, secret: string): string => `fnt_${tokenId}_${secret}`;
export const parseNodeToken = (text: string): { readonly tokenId: string } | undefined => {
  const [, tokenId] = TOKEN.exec(text) ?? [];
  return tokenId === undefined ? undefined : { tokenId };
};

/** `POST /fornax/v1/nodes/join`, with the token as `Authorization: Bearer <token>`. */
export const nodeJoinSchema = z.object({
  name: nodeNameSchema,
  publicKey: nodePublicKeySchema,
  /** The machine's clock, milliseconds since the epoch: tells a person whose clock is wrong before anything fails because of it. */
  at: z.number().int().min(0).max(8_640_000_000_000_000).exactOptional(),
});
export type NodeJoin = z.output<typeof nodeJoinSchema>;

/** What a node needs to work, and no secret. */
export const nodeJoinedSchema = z.object({
  nodeId: z.string(),
  /** One or more servers, comma-separated. */
  natsUrl: z.string(),
  storageUrl: z.string(),
  /** The platform's clock, milliseconds since the epoch. */
  at: z.number().int(),
});
export type NodeJoined = z.output<typeof nodeJoinedSchema>;

/** A one-time token as operators see it; never what opens anything. */
export const nodeTokenSchema = z.object({
  id: z.string(),
  status: z.enum(['open', 'used', 'revoked', 'expired']),
  /** The only name that it can be used for; null for any that is free. */
  name: z.string().nullable(),
  reason: z.string(),
  createdBy: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
  usedBy: z.string().nullable(),
  usedAt: z.string().nullable(),
});
export type WireNodeToken = z.output<typeof nodeTokenSchema>;
/** With the token itself, which is shown once. */
export const newNodeTokenSchema = nodeTokenSchema.extend({ token: z.string() });
export type WireNewNodeToken = z.output<typeof newNodeTokenSchema>;

export const nodeRotationSchema = z.object({ nodeId: z.string() });
export const nodeRevocationSchema = z.object({
  nodeId: z.string(),
  /** Live connections that were ended; null when the server could not be asked, which is tried again. */
  connectionsEnded: z.int().min(0).nullable(),
});
export type WireNodeRevocation = z.output<typeof nodeRevocationSchema>;

/** `fx.rpc.node.<node>.rotate`, answered by node-registry once the key is in the log: from then on both keys open. */
export const rotateRequestSchema = z.object({ nodeId: z.string().min(1).max(128), publicKey: nodePublicKeySchema });
export const rotateReplySchema = z.object({});
