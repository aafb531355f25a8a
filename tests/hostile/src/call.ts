import { platform } from './platform.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Asks the API as whoever `token` belongs to; without one, as a stranger. Sends `body` as JSON. */
export const call = async (
  method: string,
  path: string,
  options: { readonly token?: string; readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<Answer> => {
  const { token, body, headers = {} } = options;
  const response = await fetch(platform.apiUrl + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: token }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

/** A call that must succeed; its JSON answer, or undefined when it is empty. */
export const expectOk = async <T>(...request: Parameters<typeof call>): Promise<T> => {
  const { status, text } = await call(...request);
  if (status >= 300) throw new Error(`${request[0]} ${request[1]}: ${status} ${text.slice(0, 300)}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
};
