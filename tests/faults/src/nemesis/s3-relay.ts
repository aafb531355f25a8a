import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What becomes of a request: it is handed on, answered with 500 once its body has come, never answered, done but never answered, or its connection ends. */
export type Fate = 'hand on' | 'fail' | 'hold' | 'hold the answer' | 'cut';

/** A relay on the way to an S3 service, which can answer instead of it. */
export interface S3Relay {
  readonly url: string;
  /** Decides about requests from now on, by method and path with query. */
  decide(rule: (method: string, path: string) => Fate): void;
  /** Hands everything on again; what was held is cut off. */
  heal(): void;
  /** Requests that were not handed on since the last `decide`. */
  readonly kept: number;
  close(): Promise<void>;
}

const FAILURE =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>';

const fail = (message: IncomingMessage, response: ServerResponse): void => {
  message.resume().once('end', () => response.writeHead(500, { 'content-type': 'application/xml' }).end(FAILURE));
};

export const startS3Relay = async (service: string): Promise<S3Relay> => {
  const { hostname: host, port } = new URL(service);
  const held = new Set<ServerResponse>();
  let rule: (method: string, path: string) => Fate = () => 'hand on';
  let kept = 0;
  const hold = (response: ServerResponse): void => {
    kept += 1;
    held.add(response);
    response.once('close', () => held.delete(response));
  };
  const handOn = (message: IncomingMessage, response: ServerResponse, isAnswered: boolean): void => {
    // The signature covers the headers as they came, `Host` too.
    const { method, url: path, headers } = message;
    const upstream = request({ host, port, method, path, headers }, (answer) => {
      if (!isAnswered) return void answer.resume().once('end', () => hold(response));
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    upstream.on('error', () => response.destroy());
    message.on('error', () => upstream.destroy());
    message.pipe(upstream);
  };
  const server = createServer((message, response) => {
    const fate = rule(message.method ?? '', message.url ?? '');
    if (fate === 'hand on' || fate === 'hold the answer') return handOn(message, response, fate === 'hand on');
    if (fate === 'hold') return hold(response);
    kept += 1;
    if (fate === 'fail') return fail(message, response);
    message.destroy();
  });
  const heal = (): void => {
    rule = () => 'hand on';
    for (const response of held) response.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    decide: (next) => {
      kept = 0;
      rule = next;
    },
    heal,
    get kept() {
      return kept;
    },
    close: async () => {
      heal();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
