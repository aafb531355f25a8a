import type { NatsConnection } from '@nats-io/nats-core';
import { JetStreamError } from '@nats-io/jetstream';
import { jetStreamApi } from './jetstream-api.js';

/** A message as it lies in the stream. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  /** When the stream took it, as an RFC 3339 instant. */
  readonly storedAt: string;
  /** All headers, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly header: (name: string) => string;
}

interface GetResponse {
  readonly message?: {
    readonly subject: string;
    readonly seq: number;
    readonly data?: string;
    readonly hdrs?: string;
    readonly time?: string;
  };
  readonly error?: { readonly code: number; readonly err_code: number; readonly description: string };
}

const NO_MESSAGE_FOUND = 10037;
const TIMEOUT_MS = 5_000;
const decoder = new TextDecoder();

/** Headers of a stored message, `NATS/1.0\r\nName: value\r\n...`, base64. */
const headersIn = (encoded: string | undefined): readonly (readonly [name: string, value: string])[] =>
  (encoded === undefined ? [] : Buffer.from(encoded, 'base64').toString('utf8').split('\r\n').slice(1)).flatMap(
    (line) => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()] as const];
    },
  );

/**
 * Reads single messages by subject without a consumer. Asks the stream's leader (not any replica), so what was acknowledged
 * before is seen.
 */
export class StoredMessages {
  constructor(
    private readonly nc: NatsConnection,
    private readonly stream: string,
  ) {}

  /** The last message of a subject, which may hold wildcards. */
  last(subject: string): Promise<StoredMessage | undefined> {
    return this.get({ last_by_subj: subject });
  }

  /** The first message of a subject, which may hold wildcards, at or after `sequence`. */
  next(subject: string, sequence: number): Promise<StoredMessage | undefined> {
    return this.get({ seq: sequence, next_by_subj: subject });
  }

  /** The message at a sequence, if it is still there. */
  at(sequence: number): Promise<StoredMessage | undefined> {
    return this.get({ seq: sequence });
  }

  private async get(query: object): Promise<StoredMessage | undefined> {
    const reply = await this.nc.request(jetStreamApi.message(this.stream), JSON.stringify(query), {
      timeout: TIMEOUT_MS,
    });
    const { message, error } = JSON.parse(decoder.decode(reply.data)) as GetResponse;
    if (error !== undefined) {
      if (error.err_code === NO_MESSAGE_FOUND) return undefined;
      throw new JetStreamError(`${error.description} (${error.err_code})`);
    }
    if (message === undefined) return undefined;
    const headers = headersIn(message.hdrs);
    return {
      subject: message.subject,
      sequence: message.seq,
      data: Buffer.from(message.data ?? '', 'base64'),
      storedAt: message.time ?? '',
      headers,
      header: (wanted) => headers.find(([name]) => name === wanted)?.[1] ?? '',
    };
  }
}
