import { Invalid } from '@fornax/base';

/** Of all tasks of a job, and of all their tables, as this process holds them: four times what a document may unfold to. */
const MOST_CHARACTERS = 64 * 1_024 * 1_024;

/** Counts what is read of a job that is to be repeated: tasks come to a job one by one, until they are more than a process could hold. */
export class RepetitionRoom {
  #characters = 0;

  constructor(
    private readonly jobId: string,
    private readonly most = MOST_CHARACTERS,
  ) {}

  /** @throws Invalid there is no room for it */
  take(content: unknown): void {
    this.#characters += JSON.stringify(content).length;
    if (this.#characters > this.most)
      throw new Invalid(
        `The tasks of the job ${this.jobId} have more than ${this.most} characters together: repeat them one by one`,
        { code: 'job-too-large' },
      );
  }
}
