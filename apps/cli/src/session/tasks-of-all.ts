import type { FornaxClient, ListedTask } from '@fornax/client';

type Wanted = NonNullable<Parameters<FornaxClient['listTasks']>[0]>;
type Owner = { readonly uuid: string; readonly email: string };
export type OwnedTask = ListedTask & { readonly owner: string };

/** Accounts that are asked about at a time. */
const AT_A_TIME = 8;

/** Tasks of several accounts as their owners see them, with whose they are: owner by owner, in the order that is wanted of each. */
export const tasksOfAll = async (
  client: FornaxClient,
  owners: readonly Owner[],
  wanted: Wanted,
): Promise<readonly OwnedTask[]> => {
  const all: OwnedTask[] = [];
  for (let at = 0; at < owners.length; at += AT_A_TIME) {
    const some = owners.slice(at, at + AT_A_TIME);
    const lists = await Promise.all(
      some.map(async ({ uuid, email }) =>
        (await client.readingAs(uuid).listTasks(wanted)).map((task) => ({ ...task, owner: email })),
      ),
    );
    all.push(...lists.flat());
  }
  return all;
};

/** The newest of them, newest first. */
export const newestOf = <T extends ListedTask>(tasks: readonly T[], limit: number): readonly T[] =>
  [...tasks]
    .sort((a, b) => (a.creationDate < b.creationDate ? 1 : a.creationDate > b.creationDate ? -1 : 0))
    .slice(0, limit);
