import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';

export interface Asked {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface WholeAnswer {
  readonly status: number;
  readonly text: string;
}

type Request = (url: URL, options: RequestOptions) => ClientRequest;

/**
 * Node's own way to ask. Imported by its name, `node:http` reads all of `fetch` as well, for the names that it exports: that is a fifth of a second of a
 * slow machine, in each process that asks once.
 */
const requestOf = ({ protocol }: URL): Request =>
  protocol === 'https:'
    ? process.getBuiltinModule('node:https').request
    : process.getBuiltinModule('node:http').request;

/** What Node says of a connection that did not work. */
interface Failure {
  readonly message: string;
  readonly code?: string;
  /** Of several addresses that were tried. */
  readonly errors?: readonly Failure[];
}

/** The platform cannot be reached, breaks off, or does not answer in time; whether it has done what it was asked for is not known. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

const bodyOf = (response: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => void pieces.push(piece));
    response.once('end', () => resolve(Buffer.concat(pieces).toString('utf8')));
    response.once('error', reject);
  });

/**
 * Asks once, and reads the whole answer. A GET whose connection was closed by the other side just before is asked again.
 * @throws the signal's reason when it aborts; Unreachable the other side cannot be reached, or breaks off
 */
export const wholeAnswer = async (url: URL, asked: Asked): Promise<WholeAnswer> => {
  const { method, headers, body, signal } = asked;
  let request: ClientRequest | undefined;
  try {
    signal?.throwIfAborted();
    request = requestOf(url)(url, { method, headers: { accept: '*/*', ...headers }, ...(signal ? { signal } : {}) });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request?.once('response', resolve).once('error', reject);
    });
    request.end(body);
    const response = await answered;
    return { status: response.statusCode ?? 0, text: await bodyOf(response) };
  } catch (error) {
    signal?.throwIfAborted();
    const { code, message, errors } = error as Failure;
    if (method === 'GET' && request?.reusedSocket === true && code === 'ECONNRESET') return wholeAnswer(url, asked);
    throw new Unreachable(`${url.origin} cannot be reached: ${errors?.[0]?.message ?? message}`);
  }
};
