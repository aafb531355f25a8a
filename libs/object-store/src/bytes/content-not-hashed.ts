/** The thread that hashed content has ended before it was through: the content is to be sent again. */
export class ContentNotHashed extends Error {
  constructor(options?: ErrorOptions) {
    super('the thread that hashed the content has ended', options);
    this.name = 'ContentNotHashed';
  }
}
