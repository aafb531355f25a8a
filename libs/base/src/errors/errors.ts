import type { RejectionKind } from '@fornax/domain';

/** The kinds of "no": what the domain rejects, and what the world around it adds. Each has one HTTP status (contract, 1.7 and 1.8). */
export type ErrorKind = RejectionKind | 'unauthorized' | 'payment-required' | 'refused' | 'unavailable' | 'unsettled';

/**
 * An error with a meaning to the caller. `message` is shown to clients as it is: it never holds a secret.
 * `code` is stable and for programs.
 */
export class FornaxError extends Error {
  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

type Details = { readonly code?: string; readonly cause?: unknown };
const optionsOf = ({ cause }: Details): ErrorOptions | undefined => (cause === undefined ? undefined : { cause });

/** 400 */
export class Invalid extends FornaxError {
  constructor(message: string, details: Details = {}) {
    super('invalid', details.code ?? 'invalid', message, optionsOf(details));
  }
}

/** 401, always with the same words: which part was wrong is nobody's business. */
export class Unauthorized extends FornaxError {
  constructor() {
    super('unauthorized', 'unauthorized', 'Bad authentication token');
  }
}

/** 402 */
export class PaymentRequired extends FornaxError {
  constructor(message: string, details: Details = {}) {
    super('payment-required', details.code ?? 'payment-required', message, optionsOf(details));
  }
}

/** 403 */
export class Forbidden extends FornaxError {
  constructor(message: string, details: Details = {}) {
    super('forbidden', details.code ?? 'forbidden', message, optionsOf(details));
  }
}

/** 403: part of the contract, but not of this version. Clients show a 403's text, and try a 5xx again and again (contract, 1.9 and 7.4). */
export class NotBuilt extends FornaxError {
  /** @param what a noun in the singular, as the sentence begins */
  constructor(what: string) {
    super('forbidden', 'not-built', `${what} is not available in this version of Fornax`);
  }
}

/** 404 */
export class NotFound extends FornaxError {
  constructor(message: string, details: Details = {}) {
    super('not-found', details.code ?? 'not-found', message, optionsOf(details));
  }
}

/** 409 */
export class Conflict extends FornaxError {
  constructor(message: string, details: Details = {}) {
    super('conflict', details.code ?? 'conflict', message, optionsOf(details));
  }
}

/** 422 */
export class Refused extends FornaxError {
  constructor(message: string, details: Details = {}) {
    super('refused', details.code ?? 'refused', message, optionsOf(details));
  }
}

/** 503: nothing was changed, the same request may be sent again. */
export class Unavailable extends FornaxError {
  constructor(message: string, details: Details = {}) {
    super('unavailable', details.code ?? 'unavailable', message, optionsOf(details));
  }
}

/**
 * 504: nobody knows yet whether it was carried out; the same request, sent again, is taken for this one and learns it. Clients do so by
 * themselves, so it is for requests alone that are joined to the first one.
 */
export class Unsettled extends FornaxError {
  constructor(message: string, details: Details = {}) {
    super('unsettled', details.code ?? 'unsettled', message, optionsOf(details));
  }
}

/** 400 as problem+json with the texts of each field. */
export class ValidationFailed extends FornaxError {
  constructor(readonly errors: Readonly<Record<string, readonly string[]>>) {
    super('invalid', 'validation-failed', summaryOf(errors));
  }
}

const summaryOf = (errors: Readonly<Record<string, readonly string[]>>): string => {
  const [first] = Object.entries(errors);
  const [field, texts] = first ?? ['', []];
  const text = texts[0] ?? 'invalid';
  return field === '' ? text : `${field}: ${text}`;
};
