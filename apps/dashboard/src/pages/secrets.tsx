import { Breadcrumbs, Button, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { deleteSecret, putSecret, readAccesses, readSecrets, readVersions } from '../api/secrets.ts';
import { useMayWrite } from '../known/me.tsx';
import { useAction } from '../known/use-action.ts';
import { Answered } from '../parts/answered.tsx';
import { AskFirst } from '../parts/ask.tsx';
import { Instant } from '../parts/format.tsx';
import { Rows } from '../parts/rows.tsx';
import { Empty } from '../parts/states.tsx';

const route = getRouteApi('/secrets');

/** Every folder above, and the one itself. */
const foldersTo = (folder: string): readonly (readonly [name: string, folder: string])[] => {
  const names = folder === '' ? [] : folder.split('/');
  return [
    ['All secrets', ''] as const,
    ...names.map((name, index) => [name, names.slice(0, index + 1).join('/')] as const),
  ];
};

/** What is typed is sent once and shown by nobody after. */
const PutSecret = ({ folder }: { readonly folder: string }): ReactNode => {
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const { mutate, isPending } = useAction(putSecret, ['secrets'], () => {
    setKey('');
    setValue('');
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        mutate({ key: folder === '' ? key : `${folder}/${key}`, value });
      }}
    >
      <Group align="flex-end">
        <TextInput
          label="Key"
          description={folder === '' ? 'Slashes make folders' : `In ${folder}/`}
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
        />
        <PasswordInput
          label="Value"
          description="A key that is there gets a new version"
          w={260}
          autoComplete="off"
          value={value}
          onChange={(event) => setValue(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" loading={isPending} disabled={key === '' || value === ''}>
          Keep it
        </Button>
      </Group>
    </form>
  );
};

const WAYS = { read: 'read by its owner', start: 'given as it started', request: 'asked for as it ran' } as const;

/** When a secret was changed, and who was given it. */
const AboutSecret = ({ name }: { readonly name: string }): ReactNode => {
  const versions = useQuery({ queryKey: ['secrets', 'versions', name], queryFn: () => readVersions(name) });
  const accesses = useQuery({ queryKey: ['secrets', 'accesses', name], queryFn: () => readAccesses(name) });
  return (
    <Stack component="section" aria-label={`Secret ${name}`}>
      <Title order={2} size="h4">
        {name}
      </Title>
      <Answered query={versions}>
        {(known) => (
          <Rows
            minWidth={360}
            label="Versions"
            heads={['Version', 'Kept', 'Restored from']}
            rows={known.versions}
            keyOf={({ version }) => String(version)}
            cells={({ version, createdAt, restoredFrom }) => [
              version,
              <Instant key="at" at={createdAt} />,
              restoredFrom ?? '',
            ]}
          />
        )}
      </Answered>
      <Answered query={accesses}>
        {(known) =>
          known.length === 0 ? (
            <Text size="sm">Nobody was given it yet.</Text>
          ) : (
            <Rows
              minWidth={560}
              label="Who was given it"
              heads={['When', 'Version', 'How', 'Task', 'Node', 'Who']}
              rows={known}
              keyOf={({ at, leaseId, actor, version }) => `${at} ${leaseId ?? ''} ${actor} ${version}`}
              cells={(one) => [
                <Instant key="at" at={one.at} />,
                one.version,
                WAYS[one.way],
                one.taskUuid === null ? (
                  ''
                ) : (
                  <Link key="task" to="/tasks/$id" params={{ id: one.taskUuid }}>
                    instance {one.instanceId ?? '–'}
                  </Link>
                ),
                one.node ?? '',
                one.actor,
              ]}
            />
          )
        }
      </Answered>
    </Stack>
  );
};

/** Names of secrets, folder by folder. Their values are shown nowhere. */
export const SecretsPage = (): ReactNode => {
  const { folder = '', key } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMayWrite();
  const query = useQuery({ queryKey: ['secrets', 'below', folder], queryFn: () => readSecrets(folder) });
  const remove = useAction(deleteSecret, ['secrets'], () => void navigate({ search: folder === '' ? {} : { folder } }));
  return (
    <Stack>
      <Title order={1} size="h2">
        Secrets
      </Title>
      <Text size="sm">
        Tasks are given what they ask for by name. Values are kept sealed, and this page shows none of them.
      </Text>
      {mayWrite && <PutSecret folder={folder} />}
      <Breadcrumbs>
        {foldersTo(folder).map(([name, to]) => (
          <Link key={to} to="/secrets" search={to === '' ? {} : { folder: to }}>
            {name}
          </Link>
        ))}
      </Breadcrumbs>
      <Answered query={query}>
        {(names) =>
          names.length === 0 ? (
            <Empty title="There are no secrets here" />
          ) : (
            <Rows
              minWidth={320}
              label="Secrets"
              heads={['Name', '']}
              rows={names}
              keyOf={(name) => name}
              cells={(name) => {
                const path = folder === '' ? name : `${folder}/${name}`;
                if (name.endsWith('/'))
                  return [
                    <Link key="name" to="/secrets" search={{ folder: path.slice(0, -1) }}>
                      {name}
                    </Link>,
                    '',
                  ];
                const search = folder === '' ? { key: path } : { folder, key: path };
                return [
                  <Link key="name" to="/secrets" search={search}>
                    {name}
                  </Link>,
                  mayWrite && (
                    <AskFirst
                      key="delete"
                      label="Delete"
                      name={`Delete: ${name}`}
                      question={`Delete ${path}?`}
                      detail="It goes with all of its versions, and no task can have it any more."
                      isPending={remove.isPending && remove.variables === path}
                      onConfirm={() => remove.mutate(path)}
                    />
                  ),
                ];
              }}
            />
          )
        }
      </Answered>
      {key !== undefined && <AboutSecret name={key} />}
    </Stack>
  );
};
