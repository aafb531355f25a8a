/** The registry does not answer, or not as one does: nothing that the user of an image did. */
export class RegistryAway extends Error {
  override readonly name = 'RegistryAway';
  constructor(
    message: string,
    /** What it asks for itself: to be left alone for so long. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}
