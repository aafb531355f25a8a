import { jobSchema, type WireJob } from '@fornax/contracts';
import { aLease, anEnd, aRef, concluded, dispatched, started } from '@fornax/domain/specs';
import { startHarness, type Answer, type Harness } from './submission.fixture.js';

/** What jobs and their tasks are asked for and about. */
export interface JobHarness extends Harness {
  /** @returns the new job's id */
  createJob(body?: object): Promise<string>;
  /** @param body a document @returns the new job's id */
  createWhole(body: object): Promise<string>;
  readJob(id: string): Promise<WireJob>;
  jobState(id: string): Promise<string>;
  isJobGone(id: string): Promise<boolean>;
  tasksOf(id: string): Promise<readonly Record<string, unknown>[]>;
  /** The tasks of a job by their names. */
  byName(id: string): Promise<ReadonlyMap<string, Record<string, unknown>>>;
  /** Runs the only instance of a task, as the scheduler and a node would. */
  run(taskId: string, outcome?: 'success' | 'failure'): Promise<void>;
}

/** The fields that a refusal names. */
export const errorsOf = (answer: Answer): readonly string[] =>
  Object.keys((answer.json()['errors'] as object | undefined) ?? {});

export const uuidOf = (tasks: ReadonlyMap<string, Record<string, unknown>>, name: string): string =>
  String(tasks.get(name)?.['uuid']);

/** A task of one instance. */
export const one = { instanceCount: 1 };

export const DOCUMENTS = '/fornax/v1/jobs';

/** A document whose tasks wait for each other in the shape of its name. */
export const diamond = {
  name: 'diamond',
  environment: { SHARED: 'all' },
  tasks: [
    { name: 'join', command: 'true', after: ['left', { task: 'right', on: 'any' }] },
    { name: 'left', command: 'true', after: ['prepare'] },
    { name: 'right', command: 'true', after: ['prepare'], environment: { OWN: 1 } },
    { name: 'prepare', command: 'true', instanceCount: 6 },
  ],
};

export const startJobHarness = async (): Promise<JobHarness> => {
  const harness = await startHarness();
  const made = async (path: string, body: object): Promise<string> => {
    const answer = await harness.call('POST', path, body);
    if (answer.status !== 200) throw new Error(answer.text);
    return String(answer.json()['uuid']);
  };
  const readJob = async (id: string): Promise<WireJob> => {
    const answer = await harness.call('GET', `/jobs/${id}`);
    if (answer.status !== 200) throw new Error(answer.text);
    return jobSchema.parse(answer.json());
  };
  const tasksOf = async (id: string): Promise<readonly Record<string, unknown>[]> =>
    JSON.parse((await harness.call('GET', `/jobs/${id}/tasks`)).text) as Record<string, unknown>[];
  return Object.assign(harness, {
    createJob: (body: object = {}) => made('/jobs/', { name: 'a job', state: '', ...body }),
    createWhole: (body: object) => made(DOCUMENTS, body),
    readJob,
    jobState: async (id: string) => (await readJob(id)).state,
    isJobGone: async (id: string) => (await harness.call('GET', `/jobs/${id}`)).status === 404,
    tasksOf,
    byName: async (id: string) => new Map((await tasksOf(id)).map((task) => [String(task['name']), task])),
    run: (taskId: string, outcome: 'success' | 'failure' = 'success') =>
      harness.happen(taskId, dispatched(aLease(0)), started(aRef(0)), concluded(anEnd(0, { outcome }))),
  });
};
