import http from 'node:http';
import { platform } from '../platform.js';
import { typeComplaint } from './declared-types.js';
import { DocumentChecker, type ApiDocument, type Seen } from './document-checker.js';

export interface Answer {
  readonly status: number;
  /** The reason phrase: clients show it. */
  readonly statusText: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  json(): unknown;
}

export interface Sent {
  readonly method: string;
  /** From the root, with query; sent exactly so. */
  readonly path: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const TIMEOUT_MS = 30_000;

/** One request, byte for byte as told: no client library adds headers of its own. */
const exchangeUnchecked = ({ method, path, headers = {}, body }: Sent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(platform.apiUrl);
    const request = http.request({ agent, hostname, port, method, path, headers, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const json = (): unknown => JSON.parse(text);
        resolve({
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? '',
          headers: response.headers,
          text,
          json,
        });
      });
    });
    request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer within ${TIMEOUT_MS} ms`)));
    request.on('error', reject);
    request.end(body);
  });

/** What is wrong about an answer: beside the platform's own document, then beside what clients declare. */
export interface AnswerChecker {
  complaintAbout(seen: Seen): string | undefined;
}

let checker: Promise<AnswerChecker> | undefined;

export const answerChecker = (): Promise<AnswerChecker> =>
  (checker ??= exchangeUnchecked({ method: 'GET', path: '/openapi.json' }).then((answer) => {
    const document = new DocumentChecker(answer.json() as ApiDocument);
    return { complaintAbout: (seen) => document.complaintAbout(seen) ?? typeComplaint(seen) };
  }));

/** One request whose answer must be as the OpenAPI document says and as clients declare it. @throws Error when it is not */
export const exchange = async (sent: Sent): Promise<Answer> => {
  const answer = await exchangeUnchecked(sent);
  const complaint = (await answerChecker()).complaintAbout({
    method: sent.method,
    path: sent.path,
    status: answer.status,
    contentType: answer.headers['content-type'],
    text: answer.text,
  });
  if (complaint !== undefined) throw new Error(complaint);
  return answer;
};
