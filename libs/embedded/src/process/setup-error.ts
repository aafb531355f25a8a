/**
 * Something about the machine or its settings keeps a part from starting. Written to be read by a person: the message says
 * what is wrong, `hint` says what to change (a setting's name, a package to install).
 */
export class SetupError extends Error {
  override readonly name = 'SetupError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(hint === undefined ? message : `${message}\n  ${hint}`, options);
    this.hint = hint;
  }
}

/** The `code` of a system error (ENOENT, EADDRINUSE, ...), or undefined for anything else. */
export const errorCode = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** One line for a person, whatever was thrown. */
export const describeError = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string'
    ? error.message
    : String(error);
