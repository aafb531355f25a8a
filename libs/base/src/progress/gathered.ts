interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer | PromiseLike<Answer>) => void;
}

export interface GatheredOptions<Question> {
  /** Most questions of one call. Default 64. */
  readonly most?: number;
  /** Calls under way at once. Default 1: who asks meanwhile gathers. */
  readonly atOnce?: number;
  /** Questions of the same name are never asked in one call; the later one waits. Default: any may be. */
  readonly nameOf?: (question: Question) => string;
  /** Whether a call of several that failed like this may be repeated question by question. Default: yes. */
  readonly isRepeatable?: (error: unknown) => boolean;
}

/**
 * Answers many who ask at about the same time with one call. Who asks while a call is under way waits for the next, so no answer is older than its
 * question; who asks alone waits for nobody. A call that fails is repeated question by question, so that only those fail which have a reason to.
 */
export class Gathered<Question, Answer> {
  #queue: Waiting<Question, Answer>[] = [];
  #underWay = 0;

  /** @param call answers questions in their order */
  constructor(
    private readonly call: (questions: readonly Question[]) => Promise<readonly Answer[]>,
    private readonly options: GatheredOptions<Question> = {},
  ) {}

  ask(question: Question): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#queue.push({ question, resolve });
    this.#goOn();
    return promise;
  }

  #goOn(): void {
    while (this.#queue.length > 0 && this.#underWay < (this.options.atOnce ?? 1)) {
      this.#underWay += 1;
      void this.#answer(this.#take()).finally(() => {
        this.#underWay -= 1;
        this.#goOn();
      });
    }
  }

  #take(): readonly Waiting<Question, Answer>[] {
    const { most = 64, nameOf } = this.options;
    const [taken, left, names]: [Waiting<Question, Answer>[], Waiting<Question, Answer>[], Set<string>] = [
      [],
      [],
      new Set(),
    ];
    for (const waiting of this.#queue) {
      const name = nameOf?.(waiting.question);
      const fits = taken.length < most && (name === undefined || !names.has(name));
      (fits ? taken : left).push(waiting);
      // Also of one that has to wait: those of one name are answered in the order in which they were asked.
      if (name !== undefined) names.add(name);
    }
    this.#queue = left;
    return taken;
  }

  async #answer(waiting: readonly Waiting<Question, Answer>[]): Promise<void> {
    try {
      const answers = await this.call(waiting.map(({ question }) => question));
      if (answers.length !== waiting.length)
        throw new Error(`${answers.length} answers to ${waiting.length} questions`);
      waiting.forEach(({ resolve }, at) => resolve(answers[at] as Answer));
    } catch (error) {
      const { isRepeatable = () => true } = this.options;
      if (waiting.length === 1 || !isRepeatable(error))
        return waiting.forEach(({ resolve }) => resolve(Promise.reject<Answer>(error)));
      await Promise.all(waiting.map((one) => this.#answer([one])));
    }
  }
}
