import { Refused } from './client.ts';
import { bare, textIn, xmlOf } from './storage.ts';

interface Body {
  readonly body: Blob;
  /** Refused where there is something already. */
  readonly isNew?: boolean;
  readonly onBytes: (sent: number) => void;
  readonly signal: AbortSignal;
}

/** Sends a body and tells how far it is, which `fetch` does not. @returns the ETag @throws Refused */
export const send = (url: string, { body, isNew = false, onBytes, signal }: Body): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const request = new XMLHttpRequest();
  const stop = (): void => request.abort();
  request.open('PUT', url);
  if (isNew) request.setRequestHeader('if-none-match', '*');
  request.upload.onprogress = ({ loaded }) => onBytes(loaded);
  request.onload = () => {
    if (request.status === 200) return resolve(bare(request.getResponseHeader('etag') ?? ''));
    reject(new Refused(request.status, textIn(xmlOf(request.responseText), 'Message') || 'The storage said no'));
  };
  request.onerror = () => reject(new Error('The connection was lost'));
  request.onabort = () => reject(new DOMException('It was stopped', 'AbortError'));
  signal.addEventListener('abort', stop, { once: true });
  request.onloadend = () => signal.removeEventListener('abort', stop);
  if (signal.aborted) stop();
  else request.send(body);
  return promise;
};

const TRIES = 4;

/** Whether it was the platform's or the storage's own no, which another try does not change. */
export const isFinal = (error: unknown): boolean => error instanceof Refused && error.status < 500;

/** Tries again what a lost connection broke; what was refused stays refused. @param run is told how often it was tried before */
export const again = async <T>(run: (failures: number) => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let failures = 0; ; failures += 1) {
    try {
      return await run(failures);
    } catch (error) {
      if (signal.aborted || failures + 1 === TRIES || isFinal(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1_000 * 2 ** failures));
    }
  }
};
