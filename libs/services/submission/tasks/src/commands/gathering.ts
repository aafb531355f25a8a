/**
 * Asks once for what many ask for in the same turn of the event loop: a bulk of a hundred tasks is one statement, not a hundred. Whoever asks
 * sees a function of one item.
 */
export class Gathering<I, O> {
  private waiting: {
    readonly item: I;
    readonly resolve: (answer: O) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];

  /** @param ask answers in the order of the items */
  constructor(private readonly ask: (items: readonly I[]) => Promise<readonly O[]>) {}

  /** @throws what `ask` throws, for everybody who asked with it */
  one(item: I): Promise<O> {
    const { promise, resolve, reject } = Promise.withResolvers<O>();
    this.waiting.push({ item, resolve, reject });
    if (this.waiting.length === 1) setImmediate(() => void this.answer());
    return promise;
  }

  private async answer(): Promise<void> {
    const asked = this.waiting;
    this.waiting = [];
    try {
      const answers = await this.ask(asked.map(({ item }) => item));
      asked.forEach(({ resolve, reject }, index) => {
        const answer = answers[index];
        if (answer === undefined) reject(new Error('an answer is missing'));
        else resolve(answer);
      });
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
