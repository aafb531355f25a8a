import { useQuery } from '@tanstack/react-query';
import { readUserNames } from '../api/people.ts';
import { readMembers } from '../api/projects.ts';
import type { Rights } from '../api/wire.ts';
import { useAccount, useMe } from './me.tsx';
import { MEMBERS } from './queries.ts';

/** Whoever looks at others sees a list of them. */
const LOOKS_AT_OTHERS: readonly string[] = ['operator', 'coordinator', 'auditor'];

interface Seen {
  readonly rights: Rights | undefined;
  /** The project that it lies in. */
  readonly project: string | null | undefined;
}

/**
 * Names who did something, as far as the reader may know: by e-mail the reader, the owner, members of the project, and for those who look at others the
 * users that they see; services and nodes by their names. Of anybody else the id is told, as in the log.
 * @returns what makes a name of an actor such as `user:<id>`, `service:scheduler` or `node:node-1`
 */
export const useActorNames = ({ rights, project }: Seen): ((actor: string) => string) => {
  const { uuid, email, organization } = useAccount();
  const { role } = useMe();
  const members = useQuery({
    queryKey: [MEMBERS, project],
    queryFn: () => readMembers(project ?? ''),
    enabled: organization !== null && typeof project === 'string',
    retry: false,
  }).data;
  const users = useQuery({
    queryKey: ['user-names'],
    queryFn: readUserNames,
    enabled: LOOKS_AT_OTHERS.includes(role),
    staleTime: 60_000,
  }).data;
  const names = new Map<string, string>([
    ...(users ?? []),
    ...(members ?? []).map(({ user }) => [user.uuid, user.name] as const),
    ...(rights === undefined ? [] : [[rights.owner.uuid, rights.owner.name] as const]),
    [uuid, email],
  ]);
  return (actor) => {
    const at = actor.indexOf(':');
    const [kind, id] = [actor.slice(0, at), actor.slice(at + 1)];
    if (kind === 'user') return names.get(id) ?? `another user, ${id}`;
    return kind === 'service' ? `the ${id}` : id;
  };
};
