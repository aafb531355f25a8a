import type { TaskCreation } from '@fornax/contracts';
import { Invalid, ValidationFailed } from '@fornax/base';
import { askedDependencies } from './asked-dependencies.js';

/** A task of the same request that was accepted. */
export interface Sibling {
  readonly taskId: string;
  readonly jobId: string | null;
  readonly projectUuid: string | null;
}

/** Tasks of one request by their shortnames. */
export interface Siblings {
  /** Resolves when the log has the task; undefined when there is none of this name. @throws Invalid it was refused */
  readonly of: (shortname: string) => Promise<Sibling> | undefined;
}

interface Bulk {
  readonly siblings: Siblings;
  /** Carries out one item of the request. @throws ValidationFailed it depends on itself, through others or not */
  readonly carryOut: <T extends { readonly sibling: Sibling }>(index: number, work: () => Promise<T>) => Promise<T>;
}

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
  const byName = new Map(items.flatMap((item, index) => (item?.shortname ? [[item.shortname, index] as const] : [])));
  const edges = edgesOf(items, byName);
  const inCircle = circular(edges);
  const outcomes = items.map(() => Promise.withResolvers<Sibling>());
  // Whoever is not referred to by anybody fails for nobody.
  for (const { promise } of outcomes) promise.catch(() => undefined);
  return {
    siblings: {
      of: (shortname) => {
        const index = byName.get(shortname);
        return index === undefined ? undefined : outcomes[index]?.promise;
      },
    },
    carryOut: async (index, work) => {
      const outcome = outcomes[index];
      try {
        const edge = edges[index]?.find(({ to }) => inCircle.has(to));
        if (inCircle.has(index) && edge)
          throw new ValidationFailed({ [edge.field]: ['The tasks of this request depend on each other in a circle.'] });
        const done = await work();
        outcome?.resolve(done.sibling);
        return done;
      } catch (error) {
        outcome?.reject(new Invalid('the task that it depends on was refused', { code: 'dependency-refused' }));
        throw error;
      }
    },
  };
};
