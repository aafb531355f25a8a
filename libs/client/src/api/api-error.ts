/** The API said no. `message` is the API's own. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** The body as it came, parsed if it was JSON. */
    readonly body: unknown,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The text that every error body carries (contract, 1.7). */
export const messageOf = (body: unknown, status: number): string => {
  if (typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string')
    return body.message;
  return typeof body === 'string' && body !== '' ? body : `HTTP ${status}`;
};
