/** The user's fault, or a limit that the user has reached: told to the user, and not tried again by the platform. */
export class UserError extends Error {
  override readonly name = 'UserError';
  constructor(
    readonly code: string,
    message: string,
    override readonly cause: 'user' | 'limit' = 'user',
  ) {
    super(message);
  }
}
