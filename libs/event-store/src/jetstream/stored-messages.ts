import type { NatsConnection } from '@nats-io/nats-core';
import { JetStreamError } from '@nats-io/jetstream';

/** A message as it lies in the stream. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly header: (name: string) => string;
}

interface GetResponse {
  readonly message?: { readonly subject: string; readonly seq: number; readonly data?: string; readonly hdrs?: string };
  readonly error?: { readonly code: number; readonly err_code: number; readonly description: string };
}

const NO_MESSAGE_FOUND = 10037;
const TIMEOUT_MS = 5_000;
const decoder = new TextDecoder();

/** Headers of a stored message, `NATS/1.0\r\nName: value\r\n...`, base64. */
const headerReader = (encoded: string | undefined): ((name: string) => string) => {
  const lines = encoded === undefined ? [] : Buffer.from(encoded, 'base64').toString('utf8').split('\r\n').slice(1);
  return (name) => {
    const line = lines.find((candidate) => candidate.startsWith(`${name}:`));
    return line === undefined ? '' : line.slice(name.length + 1).trim();
  };
};

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

  private async get(query: object): Promise<StoredMessage | undefined> {
    const reply = await this.nc.request(`$JS.API.STREAM.MSG.GET.${this.stream}`, JSON.stringify(query), {
      timeout: TIMEOUT_MS,
    });
    const { message, error } = JSON.parse(decoder.decode(reply.data)) as GetResponse;
    if (error !== undefined) {
      if (error.err_code === NO_MESSAGE_FOUND) return undefined;
      throw new JetStreamError(`${error.description} (${error.err_code})`);
    }
    if (message === undefined) return undefined;
    return {
      subject: message.subject,
      sequence: message.seq,
      data: Buffer.from(message.data ?? '', 'base64'),
      header: headerReader(message.hdrs),
    };
  }
}
