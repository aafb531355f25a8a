import { z } from 'zod';

const constantSchema = z.object({ key: z.string(), value: z.string() });

export interface TaskRequest {
  readonly name: string;
  readonly profile: string;
  readonly instanceCount: number;
  readonly constants: readonly z.output<typeof constantSchema>[];
  readonly resourceBuckets: readonly string[];
  readonly resultBucket: string;
}

const taskSchema = z.object({
  uuid: z.string(),
  state: z.string(),
  previousState: z.string().nullish(),
  progress: z.number().nullish(),
  runningInstanceCount: z.number().nullish(),
  errors: z
    .array(z.object({ code: z.string().nullish(), message: z.string().nullish() }))
    .nullish()
    .transform((errors) => errors ?? []),
  completedInstances: z
    .array(z.unknown())
    .nullish()
    .transform((instances) => instances ?? []),
});

/** What the sample reads of a task; the whole is in the contract. */
export type TaskView = z.output<typeof taskSchema>;

export const TERMINAL_STATES: readonly string[] = ['Success', 'Failure', 'Cancelled'];

/** The requests of the public API that the sample needs. Every failure is an Error with the server's answer. */
export class Api {
  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly signal: AbortSignal,
  ) {}

  async submit(task: TaskRequest): Promise<string> {
    return z.object({ uuid: z.string() }).parse(await this.json('POST', '/tasks', task)).uuid;
  }

  async task(uuid: string): Promise<TaskView> {
    return taskSchema.parse(await this.json('GET', `/tasks/${uuid}`));
  }

  /** What the task printed since the last call; each line begins with the number of its instance. */
  async freshOutput(uuid: string, stream: 'stdout' | 'stderr'): Promise<string> {
    return (await this.send('POST', `/tasks/${uuid}/${stream}`)).text();
  }

  async output(uuid: string, stream: 'stdout' | 'stderr'): Promise<string> {
    return (await this.send('GET', `/tasks/${uuid}/${stream}`)).text();
  }

  /** What the task has cost so far, in euros. */
  async credits(uuid: string): Promise<number> {
    return z.object({ credits: z.number() }).parse(await this.json('GET', `/credits/v1/tasks/${uuid}/credits`)).credits;
  }

  private async json(method: string, path: string, body?: unknown): Promise<unknown> {
    return (await this.send(method, path, body)).json();
  }

  private async send(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: this.token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      signal: this.signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 500)}`);
  }
}
