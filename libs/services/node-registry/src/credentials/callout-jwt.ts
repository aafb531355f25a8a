import { isPublicNkey, verifyNkey, type Nkey } from '@fornax/event-store';
import { z } from 'zod';

/*
 * The messages of the auth callout (ADR-26 of NATS): JWTs whose signature is Ed25519 with NATS keys. The server checks signatures and
 * fields, not the id, which only has to be there.
 */

const HEADER = Buffer.from(JSON.stringify({ typ: 'JWT', alg: 'ed25519-nkey' })).toString('base64url');
const AUDIENCE = 'nats-authorization-request';
/** A request is some hundred bytes; what is far longer comes from somebody who sends long fields. */
const MAX_REQUEST_CHARS = 16_384;

const requestSchema = z.object({
  iss: z.string(),
  aud: z.literal(AUDIENCE),
  exp: z.number().exactOptional(),
  nats: z.object({
    type: z.literal('authorization_request'),
    server_id: z.object({ id: z.string() }),
    /** The key that the server made up for this connection; the answer must name it, so no answer serves twice. */
    user_nkey: z.string(),
    client_info: z.object({
      id: z.number(),
      host: z.string().default(''),
      kind: z.string().default(''),
      /** There when the client signed it. */
      nonce: z.string().default(''),
    }),
    connect_opts: z.object({
      user: z.string().default(''),
      nkey: z.string().default(''),
      sig: z.string().default(''),
    }),
  }),
});

/** A server's question whether somebody may connect. */
export interface CalloutRequest {
  readonly serverId: string;
  readonly userNkey: string;
  readonly connectionId: number;
  readonly host: string;
  readonly kind: string;
  readonly user: string;
  readonly publicKey: string;
  readonly nonce: string;
  readonly signature: string;
}

/**
 * Reads a question. It is signed by the server that asks, with a key of its own; who may put the question at all is up to the server's
 * configuration, which lets nobody publish to that subject.
 * @returns undefined for anything else
 */
export const readRequest = (text: string): CalloutRequest | undefined => {
  if (text.length > MAX_REQUEST_CHARS) return undefined;
  const [header = '', body = '', signature = '', ...rest] = text.split('.');
  if (rest.length > 0) return undefined;
  const parsed = requestSchema.safeParse(jsonOfPart(body));
  if (!parsed.success) return undefined;
  const { iss, nats } = parsed.data;
  const signed = Buffer.from(`${header}.${body}`);
  if (!verifyNkey(iss, 'server', signed, Buffer.from(signature, 'base64url'))) return undefined;
  if (nats.server_id.id !== iss || !isPublicNkey(nats.user_nkey, 'user')) return undefined;
  const { client_info: client, connect_opts: connect } = nats;
  return {
    serverId: nats.server_id.id,
    userNkey: nats.user_nkey,
    connectionId: client.id,
    host: client.host,
    kind: client.kind,
    user: connect.user,
    publicKey: connect.nkey,
    nonce: client.nonce,
    signature: connect.sig,
  };
};

const jsonOfPart = (part: string): unknown => {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
};

const encode = (issuer: Nkey, id: string, at: number, claims: object): string => {
  const body = { jti: id, iat: Math.floor(at / 1000), iss: issuer.publicKey, ...claims };
  const signed = `${HEADER}.${Buffer.from(JSON.stringify(body)).toString('base64url')}`;
  return `${signed}.${issuer.sign(Buffer.from(signed)).toString('base64url')}`;
};

export interface Admission {
  /** The account that the connection is put into. */
  readonly account: string;
  /** Shown by the server for this connection. */
  readonly name: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export interface AnswerContext {
  readonly issuer: Nkey;
  readonly request: CalloutRequest;
  readonly id: string;
  readonly at: number;
}

const respond = ({ issuer, request, id, at }: AnswerContext, nats: object): string =>
  encode(issuer, id, at, {
    sub: request.userNkey,
    aud: request.serverId,
    nats: { type: 'authorization_response', version: 2, ...nats },
  });

const UNLIMITED = -1;

/** Yes: these rights and no others, for this connection alone. */
export const admit = (context: AnswerContext, { account, name, publish, subscribe }: Admission): string => {
  const { issuer, request, id, at } = context;
  const jwt = encode(issuer, id, at, {
    sub: request.userNkey,
    aud: account,
    name,
    nats: {
      type: 'user',
      version: 2,
      pub: { allow: publish },
      sub: { allow: subscribe },
      subs: UNLIMITED,
      data: UNLIMITED,
      payload: UNLIMITED,
      allowed_connection_types: ['STANDARD', 'WEBSOCKET'],
    },
  });
  return respond(context, { jwt });
};

/** No. The client learns nothing but that; the server's log shows `reason`. */
export const deny = (context: AnswerContext, reason: string): string => respond(context, { error: reason });
