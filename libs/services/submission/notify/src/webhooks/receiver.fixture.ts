import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly id: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly type: string;
  readonly data: { readonly id: string; readonly sequence: number; readonly taskId: string };
}

/** How to answer one message; `hang` never does. */
export type Reply = number | 'hang' | { readonly redirect: string };

/** Somebody else's service that takes webhooks. */
export interface Receiver {
  readonly url: string;
  /** Everything that came in, in order of arrival, also what was refused. */
  readonly received: Received[];
  /** What was answered with a 2xx. */
  readonly taken: Received[];
  answer(with_: (message: Received) => Reply): void;
  /** @throws Error not signed with this secret */
  verify(secret: string, message: Received): void;
  close(): Promise<void>;
}

export const startReceiver = async (): Promise<Receiver> => {
  let reply: (message: Received) => Reply = () => 204;
  const received: Received[] = [];
  const taken: Received[] = [];
  const server = http.createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { type, data } = JSON.parse(text) as Pick<Received, 'type' | 'data'>;
      const headers = request.headers as Record<string, string>;
      const message = { id: headers['webhook-id'] ?? '', path: request.url ?? '', headers, text, type, data };
      received.push(message);
      const answer = reply(message);
      if (answer === 'hang') return;
      const [status, more] = typeof answer === 'number' ? [answer, {}] : [302, { location: answer.redirect }];
      if (status < 300) taken.push(message);
      response.writeHead(status, more).end('thank you');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    taken,
    answer: (next) => {
      reply = next;
    },
    verify: (secret, { text, headers }) => void new Webhook(secret).verify(text, { ...headers }),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
