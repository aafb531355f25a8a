import { readFile } from 'node:fs/promises';
import type { NewTask } from '@fornax/client';
import { parse } from 'yaml';
import { UsageError } from './connection.js';

/** Of parts of a document that stand for others, so that a small one does not become a large one. */
const MOST_ALIASES = 100;

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Names of tasks are an account's own, and a file may be submitted again and again: each job has its own. */
const nameIn = (jobId: string, name: string): string => `${name}-${jobId.replaceAll('-', '').slice(-12)}`;

const renamed = (list: unknown, rename: (name: string) => string): unknown =>
  Array.isArray(list) ? list.map((item: unknown) => (typeof item === 'string' ? rename(item) : item)) : list;

/** A job as one document, in YAML or JSON. @throws UsageError it cannot be read */
export const documentIn = async (path: string): Promise<unknown> => {
  try {
    return parse(await readFile(path, 'utf8'), { maxAliasCount: MOST_ALIASES }) as unknown;
  } catch (error) {
    throw new UsageError(`${path} cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** @throws UsageError it is no list of tasks */
export const tasksIn = async (path: string): Promise<readonly Json[]> => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path} cannot be read as JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (Array.isArray(parsed) && parsed.length > 0 && parsed.every(isJson)) return parsed;
  throw new UsageError(`${path} is to be a list of tasks, as POST /tasks takes them.`);
};

/** The tasks of a file as those of one job: what they call each other by is made the job's own. */
export const tasksOfJob = (tasks: readonly Json[], jobId: string): readonly NewTask[] => {
  const names = new Set(tasks.map(({ shortname }) => textOf(shortname)).filter((name) => name !== undefined));
  const rename = (name: string): string => (names.has(name) ? nameIn(jobId, name) : name);
  return tasks.map((task, index) => {
    const shortname = textOf(task['shortname']);
    const dependencies = isJson(task['dependencies']) ? task['dependencies'] : undefined;
    return {
      name: shortname ?? `task ${index + 1}`,
      profile: 'docker-batch',
      instanceCount: 1,
      ...task,
      jobUuid: jobId,
      ...(shortname === undefined ? {} : { shortname: rename(shortname) }),
      ...(dependencies === undefined
        ? {}
        : { dependencies: { ...dependencies, dependsOn: renamed(dependencies['dependsOn'], rename) } }),
    } as NewTask;
  });
};
