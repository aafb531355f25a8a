/** An S3 service said no. `code` is S3's own, e.g. `NoSuchKey`. */
export class S3Error extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'S3Error';
  }
}
