import createClient from 'openapi-fetch';
import { patientFetch } from './patient-fetch.ts';
import { readAsHeaders } from './read-as.ts';
import type { paths } from './schema.d.ts';

/** The platform said no. The message is its own, for people. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What stands for a session that changes something: no page of another origin may send it. */
export const SESSION_HEADERS = { 'fornax-session': '1' } as const;

const messageOf = (body: unknown): string | undefined => {
  if (typeof body !== 'object' || body === null || !('message' in body)) return undefined;
  return typeof body.message === 'string' && body.message !== '' ? body.message : undefined;
};

/** @throws Refused with what the platform said */
export const refuse = (status: number, body: unknown): never => {
  throw new Refused(status, messageOf(body) ?? `The platform answered with ${status}`);
};

/** The public API of this platform, with the types of its document, for the account that the page reads as. */
export const api = createClient<paths>({
  headers: { ...SESSION_HEADERS, ...readAsHeaders },
  fetch: patientFetch,
});

interface Answer<T> {
  readonly data?: T | undefined;
  readonly error?: unknown;
  readonly response: Response;
}

/** The body of a good answer. @throws Refused */
export const bodyOf = async <T>(answer: Promise<Answer<T>>): Promise<T> => {
  const { data, error, response } = await answer;
  if (!response.ok) return refuse(response.status, error);
  // An answer without a body has the type of one without a body.
  return data as T;
};
