import { randomUUID } from 'node:crypto';
import { eventually } from '@fornax/testing';
import type { Answer } from '../http/exchange.js';
import { readTask, type ReadTask } from './strict-reader.js';
import type { StyledClient, TaskInput } from './styles.js';

/** A tag, name or shortname of a test's own, so that tests share a platform without meeting. */
export const unique = (what: string): string => `${what}-${randomUUID().slice(0, 13)}`;

/** A task that prints and ends. */
export const aTask = (more: TaskInput = {}): TaskInput => ({
  name: 'contract',
  profile: 'docker-batch',
  instanceCount: 1,
  constants: [{ key: 'DOCKER_CMD', value: 'echo hello from ${INSTANCE_ID}' }],
  ...more,
});

export const command = (text: string): TaskInput => ({ constants: [{ key: 'DOCKER_CMD', value: text }] });
/** Runs until somebody ends it. */
export const forever = command('sleep 3600');

/** The reader's complaint is the test's failure, so a task that any client cannot read fails wherever it is read. */
export const taskOf = (answer: Answer): ReadTask => {
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return readTask(answer.json(), 'task');
};

export const submit = async (client: StyledClient, task: TaskInput): Promise<string> => {
  const answer = await client.send('POST', '/tasks', { body: client.creation(task) });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return (answer.json() as { readonly uuid: string }).uuid;
};

export const read = async (client: StyledClient, id: string): Promise<ReadTask> =>
  taskOf(await client.send('GET', `/tasks/${id}`));

const OVER = ['Success', 'Failure', 'Cancelled'];
export const isOver = ({ state }: ReadTask): boolean => OVER.includes(state);

/** Waits, as the clients do, until a task is in one of these states; any end is enough to stop. */
const untilState = async (client: StyledClient, id: string, ...states: readonly string[]): Promise<ReadTask> => {
  const task = await eventually(
    async () => {
      const now = await read(client, id);
      return states.includes(now.state) || isOver(now) ? now : undefined;
    },
    { timeoutMs: 60_000 },
  );
  if (!states.includes(task.state))
    throw new Error(`the task is ${task.state}, not ${states.join(' or ')}: ${JSON.stringify(task.errors)}`);
  return task;
};

export const untilOver = (client: StyledClient, id: string): Promise<ReadTask> => untilState(client, id, ...OVER);

/** Submits and waits for the end. */
export const run = async (client: StyledClient, task: TaskInput): Promise<ReadTask> =>
  untilOver(client, await submit(client, task));

export const untilRunning = (client: StyledClient, id: string): Promise<ReadTask> =>
  untilState(client, id, 'FullyExecuting');
