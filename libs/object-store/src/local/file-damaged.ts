/** What is wrong with one file of an object; the text names no path. */
export class FileDamaged extends Error {
  override readonly name = 'FileDamaged';
}
