/**
 * Reads that many ask for at the same time, done once for all of them. Nobody is given a read that had begun before he asked: it may have
 * looked before what he knows to be there was stored. Who asks while one is under way shares the next one.
 */
export class SharedReads<T> {
  private readonly underWay = new Map<string, Promise<T>>();
  private readonly next = new Map<string, Promise<T>>();

  /** @param name the same for the same read @throws what `read` throws, for everybody who shares it */
  share(name: string, read: () => Promise<T>): Promise<T> {
    const waiting = this.next.get(name);
    if (waiting) return waiting;
    const before = this.underWay.get(name);
    if (!before) return this.begin(name, read);
    const begin = (): Promise<T> => {
      this.next.delete(name);
      return this.begin(name, read);
    };
    const following = before.then(begin, begin);
    this.next.set(name, following);
    return following;
  }

  private begin(name: string, read: () => Promise<T>): Promise<T> {
    const reading = read().finally(() => this.underWay.delete(name));
    this.underWay.set(name, reading);
    return reading;
  }
}
