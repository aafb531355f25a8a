import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { platform } from '../platform.js';
import { answerChecker } from './exchange.js';

export interface Passed {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** Stands between a foreign client and the platform. */
export interface RecordingProxy {
  readonly url: string;
  /** Everything that went through, in order of answers. */
  readonly passed: readonly Passed[];
  /** Answers that were not as the OpenAPI document says, or not of the types that clients declare. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Passes everything on to the platform and checks each answer against the document and the declared types. */
export const startRecordingProxy = async (): Promise<RecordingProxy> => {
  const checker = await answerChecker();
  const { hostname, port } = new URL(platform.apiUrl);
  const passed: Passed[] = [];
  const complaints: string[] = [];
  const server = http.createServer((request, response) => {
    const { method = 'GET', url: path = '/', headers } = request;
    const upstream = http.request({ hostname, port, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const body = Buffer.concat(chunks);
        const status = answer.statusCode ?? 0;
        passed.push({ method, path, status });
        const contentType = answer.headers['content-type'];
        const complaint = checker.complaintAbout({ method, path, status, contentType, text: body.toString('utf8') });
        if (complaint !== undefined) complaints.push(complaint);
        response.writeHead(status, answer.statusMessage, answer.headers);
        response.end(body);
      });
    });
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  });
  // A client that has a connection sends its next request there, however long it has been busy with something else.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: ownPort } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${ownPort}`,
    passed,
    complaints,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
