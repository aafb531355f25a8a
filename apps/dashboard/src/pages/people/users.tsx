import { Anchor, Badge, Button, Group, NumberInput, Select, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { changeUser, makeUser, readUsers, USERS_PAGE, type User } from '../../api/people.ts';
import type { PeopleSearch } from '../../address/page-search.ts';
import { addressAs } from '../../api/read-as.ts';
import { useMe } from '../../known/me.tsx';
import { useAction } from '../../known/use-action.ts';
import { Answered } from '../../parts/answered.tsx';
import { bytes, count, Instant } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Empty } from '../../parts/states.tsx';
import type { ShowPeople } from '../people.tsx';
import { Dialog } from '../../parts/dialog.tsx';

const USERS = ['users'] as const;
const ROLES = ['user', 'auditor', 'coordinator', 'operator'] as const;
const NUMBERS = ['maxInstances', 'maxCores', 'maxTasks', 'maxJobs', 'maxPools', 'maxBuckets'] as const;
const NAMES: Readonly<Record<(typeof NUMBERS)[number], string>> = {
  maxInstances: 'Instances at once',
  maxCores: 'Cores at once',
  maxTasks: 'Tasks',
  maxJobs: 'Jobs',
  maxPools: 'Pools',
  maxBuckets: 'Buckets',
};

/** What an operator changes of a user. Only what was changed is sent. */
const ChangeUser = ({ user, onClose }: { readonly user: User; readonly onClose: () => void }): ReactNode => {
  const { uuid: own } = useMe();
  const [role, setRole] = useState(user.role);
  const [isDisabled, setDisabled] = useState(user.disabled);
  // An emptied field is no number, least of all 0: it stays as it was.
  const [quotas, setQuotas] = useState<Partial<Record<(typeof NUMBERS)[number], number | string>>>(user.quotas);
  const { mutate, isPending } = useAction(changeUser, USERS, onClose);
  const changed = Object.fromEntries(
    NUMBERS.filter((name) => typeof quotas[name] === 'number' && quotas[name] !== user.quotas[name]).map((name) => [
      name,
      quotas[name],
    ]),
  );
  return (
    <Dialog onClose={onClose} title={user.email}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          mutate({
            user: user.uuid,
            change: {
              ...(role === user.role ? {} : { role }),
              ...(isDisabled === user.disabled ? {} : { disabled: isDisabled }),
              ...(Object.keys(changed).length === 0 ? {} : { quotas: changed }),
            },
          });
        }}
      >
        <Stack>
          <Select
            label="Role"
            data={[...ROLES]}
            value={role}
            allowDeselect={false}
            onChange={(value) => setRole(ROLES.find((name) => name === value) ?? role)}
          />
          {NUMBERS.map((name) => (
            <NumberInput
              key={name}
              label={NAMES[name]}
              min={0}
              allowDecimal={false}
              placeholder={`${user.quotas[name]}, as it is`}
              value={quotas[name] ?? ''}
              onChange={(value) => setQuotas({ ...quotas, [name]: value })}
            />
          ))}
          {user.uuid !== own && (
            <Switch
              label="Disabled: it is out at once"
              checked={isDisabled}
              onChange={(event) => setDisabled(event.currentTarget.checked)}
            />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={isPending}>
              Change it
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
};

const NewUser = (): ReactNode => {
  const [email, setEmail] = useState('');
  const { mutate, isPending } = useAction(makeUser, USERS, () => setEmail(''));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        mutate(email.trim());
      }}
    >
      <Group align="flex-end">
        <TextInput
          label="E-mail of a new user"
          type="email"
          w={280}
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" loading={isPending} disabled={email.trim() === ''}>
          Make it
        </Button>
      </Group>
    </form>
  );
};

/** Users: all of them for operators, those of their organization for coordinators and auditors. */
export const Users = ({ search, show }: { readonly search: PeopleSearch; readonly show: ShowPeople }): ReactNode => {
  const { uuid: own, role } = useMe();
  const { offset = 0, user: chosen } = search;
  const query = useQuery({ queryKey: [...USERS, offset], queryFn: () => readUsers(offset) });
  const isOperator = role === 'operator';
  return (
    <Stack>
      {isOperator && <NewUser />}
      <Answered query={query}>
        {({ data, total }) => {
          const open = data.find(({ uuid }) => uuid === chosen);
          return (
            <>
              {data.length === 0 && <Empty title="There is nobody here" />}
              {data.length > 0 && (
                <Rows
                  minWidth={820}
                  label="Users"
                  heads={['E-mail', 'Role', 'Organization', 'Instances', 'Cores', 'Tasks', 'Storage', 'Made', '']}
                  rows={data}
                  keyOf={({ uuid }) => uuid}
                  cells={(user) => [
                    <Group key="email" gap="xs" wrap="nowrap">
                      {user.email}
                      {user.disabled && (
                        <Badge variant="outline" className="state state-red">
                          disabled
                        </Badge>
                      )}
                    </Group>,
                    user.role,
                    user.organization?.name ?? '–',
                    count(user.quotas.maxInstances),
                    count(user.quotas.maxCores),
                    count(user.quotas.maxTasks),
                    bytes(user.quotas.maxStorageBytes),
                    <Instant key="at" at={user.creationDate} />,
                    <Group key="do" gap="xs" wrap="nowrap">
                      {user.uuid !== own && (
                        <Anchor href={addressAs(user.email)} size="sm" aria-label={`See what they see: ${user.email}`}>
                          See what they see
                        </Anchor>
                      )}
                      {isOperator && (
                        <Button
                          size="compact-xs"
                          variant="default"
                          aria-label={`Change ${user.email}`}
                          onClick={() => show({ user: user.uuid })}
                        >
                          Change
                        </Button>
                      )}
                    </Group>,
                  ]}
                />
              )}
              {total > USERS_PAGE && (
                <Group>
                  <Button
                    variant="default"
                    disabled={offset === 0}
                    onClick={() => show({ offset: Math.max(0, offset - USERS_PAGE) || undefined })}
                  >
                    Before
                  </Button>
                  <Text size="sm">
                    {count(offset + 1)} to {count(offset + data.length)} of {count(total)}
                  </Text>
                  <Button
                    variant="default"
                    disabled={offset + USERS_PAGE >= total}
                    onClick={() => show({ offset: offset + USERS_PAGE })}
                  >
                    Next
                  </Button>
                </Group>
              )}
              {isOperator && open !== undefined && (
                <ChangeUser key={open.uuid} user={open} onClose={() => show({ user: undefined })} />
              )}
            </>
          );
        }}
      </Answered>
    </Stack>
  );
};
