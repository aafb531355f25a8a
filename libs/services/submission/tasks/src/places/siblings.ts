import type { TaskCreation } from '@fornax/contracts';
import { Invalid, ValidationFailed } from '@fornax/base';
import { askedDependencies } from './asked-dependencies.js';

/** A task that others may wait for. */
export interface Sibling {
  readonly taskId: string;
  readonly jobId: string | null;
  readonly projectUuid: string | null;
  /** Canonical ranges. */
  readonly instances: string;
}

/** A task of the same request, on its way into the log. Each step rejects with Invalid when the task is refused. */
export interface SiblingTask {
  /** It was checked against what there is, and so were all that it waits for. */
  readonly placed: Promise<Omit<Sibling, 'taskId'>>;
  readonly id: Promise<string>;
  readonly logged: Promise<unknown>;
}

/** One item of a request: it says how far it is, and finds the others. */
export interface BulkItem {
  /** Another item by its shortname; undefined when there is none of this name. */
  readonly sibling: (shortname: string) => SiblingTask | undefined;
  readonly isPlaced: (place: Omit<Sibling, 'taskId'>) => void;
  readonly isNamed: (taskId: string) => void;
}

interface Bulk {
  /** Carries out one item of the request. @throws ValidationFailed it depends on itself, through others or not */
  readonly carryOut: <T extends { readonly sibling: Sibling }>(
    index: number,
    work: (item: BulkItem) => Promise<T>,
  ) => Promise<T>;
}

/** The steps of one item; who is not referred to by anybody fails for nobody. */
const stepsOf = () => {
  const [placed, id, logged] = [
    Promise.withResolvers<Omit<Sibling, 'taskId'>>(),
    Promise.withResolvers<string>(),
    Promise.withResolvers<unknown>(),
  ];
  for (const { promise } of [placed, id, logged]) promise.catch(() => undefined);
  return { placed, id, logged };
};

/** The items that each item refers to by name. */
const edgesOf = (
  items: readonly (TaskCreation | undefined)[],
  byName: ReadonlyMap<string, number>,
): readonly (readonly { readonly to: number; readonly field: string }[])[] =>
  items.map((item) =>
    item === undefined
      ? []
      : askedDependencies(item).flatMap(({ reference, field }) => {
          const to = byName.get(reference);
          return to === undefined ? [] : [{ to, field }];
        }),
  );

/** Items from which nobody gets out of a circle: what is left when those that refer to no other one are taken away, again and again. */
const circular = (edges: ReturnType<typeof edgesOf>): ReadonlySet<number> => {
  const users = new Map<number, number[]>();
  const open = edges.map((to) => to.length);
  edges.forEach((list, from) => {
    for (const { to } of list) users.set(to, [...(users.get(to) ?? []), from]);
  });
  const free = open.flatMap((count, index) => (count === 0 ? [index] : []));
  for (let next = free.pop(); next !== undefined; next = free.pop())
    for (const user of users.get(next) ?? []) {
      open[user] = (open[user] ?? 0) - 1;
      if (open[user] === 0) free.push(user);
    }
  return new Set(open.flatMap((count, index) => (count > 0 ? [index] : [])));
};

/** The items of one request, which may depend on each other whatever their order. @param items undefined: one that could not be read */
export const bulkOf = (items: readonly (TaskCreation | undefined)[]): Bulk => {
  const byName = new Map<string, number>();
  items.forEach((item, index) => {
    if (item?.shortname && !byName.has(item.shortname)) byName.set(item.shortname, index);
  });
  const edges = edgesOf(items, byName);
  const inCircle = circular(edges);
  const steps = items.map(stepsOf);
  const itemOf = (own: ReturnType<typeof stepsOf>): BulkItem => ({
    sibling: (shortname) => {
      const other = steps[byName.get(shortname) ?? -1];
      return other && { placed: other.placed.promise, id: other.id.promise, logged: other.logged.promise };
    },
    isPlaced: own.placed.resolve,
    isNamed: own.id.resolve,
  });
  return {
    carryOut: async (index, work) => {
      const own = steps[index] ?? stepsOf();
      try {
        const twin = byName.get(items[index]?.shortname ?? '') ?? index;
        if (twin !== index)
          throw new ValidationFailed({ shortname: [`Item ${twin} of this request has this name as well.`] });
        const edge = edges[index]?.find(({ to }) => inCircle.has(to));
        if (inCircle.has(index) && edge)
          throw new ValidationFailed({ [edge.field]: ['The tasks of this request depend on each other in a circle.'] });
        const done = await work(itemOf(own));
        // One that an earlier request has made took none of the steps.
        own.placed.resolve(done.sibling);
        own.id.resolve(done.sibling.taskId);
        own.logged.resolve(undefined);
        return done;
      } catch (error) {
        const refusal = new Invalid('the task that it depends on was refused', { code: 'dependency-refused' });
        for (const { reject } of [own.placed, own.id, own.logged]) reject(refusal);
        throw error;
      }
    },
  };
};
