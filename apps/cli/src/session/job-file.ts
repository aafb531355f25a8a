import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { UsageError } from './connection.js';

/** Of parts of a document that stand for others, so that a small one does not become a large one. */
const MOST_ALIASES = 100;

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A document as it is sent, and where in its text things stand. */
export interface OpenDocument {
  readonly body: unknown;
  /** The line of a place that the platform names, such as `hardware[1].flex`, or of what it is a part of. */
  readonly lineOf: (place: string) => number | undefined;
}

const stepsOf = (place: string): readonly (string | number)[] =>
  [...place.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([step, index]) => (index === undefined ? step : Number(index)));

const textIn = async (path: string, name: string, input: Readable): Promise<string> => {
  try {
    return await (path === '-' ? text(input) : readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${name} cannot be read: ${messageOf(error)}`);
  }
};

/** A document in YAML or JSON. @param path `-`: the standard input @throws UsageError it cannot be read */
export const openDocument = async (path: string, input: Readable = process.stdin): Promise<OpenDocument> => {
  const name = path === '-' ? 'The standard input' : path;
  const written = await textIn(path, name, input);
  try {
    const lineCounter = new LineCounter();
    const document = parseDocument(written, { lineCounter });
    // What is only warned about, a tag that nobody knows, changes what the document says.
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    const body: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    // Sent as JSON, which nothing that holds itself can be.
    JSON.stringify(body);
    const lineOf = (place: string): number | undefined => {
      for (let steps = stepsOf(place); steps.length > 0; steps = steps.slice(0, -1)) {
        const node: unknown = document.getIn(steps, true);
        if (isNode(node) && node.range) return lineCounter.linePos(node.range[0]).line;
      }
      return undefined;
    };
    return { body, lineOf };
  } catch (error) {
    const isCircle = error instanceof TypeError && error.message.includes('circular');
    throw new UsageError(
      isCircle
        ? `${name}: an alias stands for something that it is a part of`
        : `${name} cannot be read as YAML: ${messageOf(error)}`,
    );
  }
};

/** @throws UsageError it is no list of tasks */
export const tasksIn = async (path: string): Promise<readonly Json[]> => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path} cannot be read as JSON: ${messageOf(error)}`);
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

/** Constants by their names. @throws UsageError one has no name, or two have the same */
const environmentOf = (constants: unknown): Json => {
  const environment = new Map<string, unknown>();
  for (const one of listIn(constants)) {
    const key = isJson(one) ? one['key'] : undefined;
    if (!isJson(one) || typeof key !== 'string') throw new UsageError('A constant of the tasks has no key.');
    if (environment.has(key)) throw new UsageError(`The constant ${key} is given twice.`);
    environment.set(key, one['value']);
  }
  return Object.fromEntries(environment);
};

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
