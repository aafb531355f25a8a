import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { run } from './run.js';

interface Asked {
  /** Method and path. */
  readonly what: string;
  readonly headers: IncomingHttpHeaders;
}

export interface CannedPlatform {
  /** Status and body by method and path; a body that is a text is sent as it is. */
  readonly answers: Readonly<Record<string, readonly [status: number, body: unknown]>>;
  /** Answers itself what is no single answer; false leaves it to the others. */
  readonly stream?: (request: http.IncomingMessage, response: http.ServerResponse) => boolean;
  readonly onStdout?: (text: string) => void;
  readonly signal?: AbortSignal;
  /** Columns of the terminal that it writes to; undefined: it is none. */
  readonly width?: number;
  readonly height?: number;
}

/** The command line before a platform that has its answers ready. Start and stop it around the tests. */
export const cannedPlatform = ({ answers, stream, onStdout, signal, width, height }: CannedPlatform) => {
  const asked: Asked[] = [];
  const bodies: unknown[] = [];
  const server = http.createServer((request, response) => {
    const what = `${request.method ?? ''} ${request.url ?? ''}`;
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push({ what, headers: request.headers });
      if (body !== '') bodies.push(JSON.parse(body));
      if (stream?.(request, response) === true) return;
      const [status, answer] = answers[what] ?? [404, { message: `No such thing: ${request.url ?? ''}` }];
      response.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  return {
    asked,
    bodies,
    /** Where it is, once it has started. */
    url: (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    start: async (): Promise<void> => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    },
    stop: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    fornax: async (...args: readonly string[]) => {
      const said = { stdout: '', stderr: '' };
      const code = await run(args, {
        env: {
          QARNOT_CLUSTER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          QARNOT_CLIENT_TOKEN: 't',
        },
        cwd: '/nowhere',
        width,
        height: height === undefined ? undefined : () => height,
        stdout: (text) => {
          said.stdout += text;
          onStdout?.(text);
        },
        stderr: (text) => void (said.stderr += text),
        signal: signal ?? new AbortController().signal,
      });
      return { code, ...said };
    },
  };
};
