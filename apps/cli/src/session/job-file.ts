import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { UsageError } from './connection.js';

/** Of parts of a document that stand for others, so that a small one does not become a large one. */
const MOST_ALIASES = 100;

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

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

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What a task of a list waits for, as a document says it. */
const afterOf = (dependencies: unknown): readonly unknown[] => {
  if (!isJson(dependencies)) return [];
  const advanced = listIn(dependencies['advancedDependsOn']).flatMap((one) => {
    if (!isJson(one)) return [one];
    const ends = listIn(one['taskFinalStateCondition']);
    // Two ends of three are no condition that a document knows; it says so.
    const on = ends.length === 0 || ends.length === 3 ? 'any' : ends.join(' or ').toLowerCase();
    return [{ task: one['taskUuid'], on }];
  });
  return [...listIn(dependencies['dependsOn']), ...advanced];
};

/** Constants by their names. */
const environmentOf = (constants: unknown): Json =>
  Object.fromEntries(
    listIn(constants).flatMap((one) =>
      isJson(one) && typeof one['key'] === 'string' ? [[one['key'], one['value']]] : [],
    ),
  );

/** A task as `POST /tasks` takes it, as one of a document: other fields stay as they are. */
const taskOf = (task: Json, index: number): Json => {
  const { name, shortname, constants, dependencies, fornax, ...others } = task;
  const { DOCKER_CMD: command, ...environment } = environmentOf(constants);
  const { after: alone, ...ours } = isJson(fornax) ? fornax : {};
  const after = [...afterOf(dependencies), ...listIn(alone)];
  return {
    ...others,
    ...ours,
    name: textOf(shortname) ?? textOf(name) ?? `task ${index + 1}`,
    ...(command === undefined ? {} : { command }),
    ...(Object.keys(environment).length === 0 ? {} : { environment }),
    ...(after.length === 0 ? {} : { after }),
  };
};

/** A job with the tasks of a list as one document: they go by their shortnames in it, and have none outside of it. */
export const documentOf = (job: Json, tasks: readonly Json[]): Json => ({ ...job, tasks: tasks.map(taskOf) });
