/** Another leader, of a higher epoch, has written to the log: this term is over, whatever it still believes. */
export class Superseded extends Error {
  constructor(own: number, seen: number) {
    super(`the term of epoch ${own} is over: the log has a commit of epoch ${seen}`);
    this.name = 'Superseded';
  }
}
