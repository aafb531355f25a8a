import { Button, Group, Select, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import {
  PROJECT_ROLES,
  readMembers,
  readSharedProjects,
  removeMember,
  setMember,
  type ProjectRole,
  type SharedProject,
} from '../../api/projects.ts';
import { MEMBERS, SHARED_PROJECTS } from '../../known/queries.ts';
import { useAction } from '../../known/use-action.ts';
import { Answered } from '../../parts/answered.tsx';
import { AskFirst } from '../../parts/ask.tsx';
import { count } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';

const roleIn = (text: string | null): ProjectRole | undefined => PROJECT_ROLES.find((role) => role === text);

const AddMember = ({ project }: { readonly project: string }): ReactNode => {
  const [user, setUser] = useState('');
  const [role, setRole] = useState<ProjectRole>('viewer');
  const { mutate, isPending } = useAction(setMember, [MEMBERS, project], () => setUser(''));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        mutate({ project, user: user.trim(), role });
      }}
    >
      <Group align="flex-end" gap="sm">
        <TextInput label="E-mail" w={240} value={user} onChange={(event) => setUser(event.currentTarget.value)} />
        <Select
          label="Role"
          w={140}
          allowDeselect={false}
          data={[...PROJECT_ROLES]}
          value={role}
          onChange={(text) => setRole(roleIn(text) ?? role)}
        />
        <Button type="submit" loading={isPending} disabled={user.trim() === ''}>
          Add
        </Button>
      </Group>
    </form>
  );
};

const Members = ({ shared: { project, mayManage } }: { readonly shared: SharedProject }): ReactNode => {
  const { uuid, name } = project;
  const query = useQuery({ queryKey: [MEMBERS, uuid], queryFn: () => readMembers(uuid) });
  const change = useAction(setMember, [MEMBERS, uuid]);
  const remove = useAction(removeMember, [MEMBERS, uuid]);
  return (
    <Stack gap="sm">
      <Title order={3} size="h5">
        Members of {name}
      </Title>
      <Answered query={query}>
        {(members) => (
          <Rows
            minWidth={420}
            label={`Members of ${name}`}
            heads={['E-mail', 'Role', '']}
            rows={members}
            keyOf={({ user }) => user.uuid}
            cells={({ user, role }) => [
              user.name,
              mayManage ? (
                <Select
                  key="role"
                  size="xs"
                  w={140}
                  aria-label={`Role of ${user.name}`}
                  allowDeselect={false}
                  data={[...PROJECT_ROLES]}
                  value={role}
                  disabled={change.isPending}
                  onChange={(text) => change.mutate({ project: uuid, user: user.uuid, role: roleIn(text) ?? role })}
                />
              ) : (
                role
              ),
              mayManage ? (
                <AskFirst
                  key="remove"
                  label="Remove"
                  name={`Remove: ${user.name}`}
                  question={`Take ${user.name} out of ${name}?`}
                  detail="It sees nothing of others there any more, at once. Its own tasks stay its own."
                  isPending={remove.isPending && remove.variables?.user === user.uuid}
                  onConfirm={() => remove.mutate({ project: uuid, user: user.uuid })}
                />
              ) : (
                ''
              ),
            ]}
          />
        )}
      </Answered>
      {mayManage && <AddMember project={uuid} />}
    </Stack>
  );
};

/** Projects of the organization of which the reader sees everybody's tasks, and who else does. */
export const SharedProjects = (): ReactNode => {
  const query = useQuery({ queryKey: SHARED_PROJECTS, queryFn: readSharedProjects });
  const [chosen, setChosen] = useState<string>();
  return (
    <Answered query={query}>
      {(projects) => {
        const shown = projects.find(({ project }) => project.uuid === chosen);
        if (projects.length === 0)
          return (
            <Text size="sm">There is no project in which you see what others do. A maintainer of one adds you.</Text>
          );
        return (
          <Stack>
            <Rows
              minWidth={420}
              label="Shared projects"
              heads={['Name', 'Your role', 'Members', '']}
              rows={projects}
              keyOf={({ project }) => project.uuid}
              cells={({ project: { uuid, name, members, archived }, role }) => [
                <Link key="tasks" to="/tasks" search={{ project: uuid, everybody: true }}>
                  {archived ? `${name} (archived)` : name}
                </Link>,
                role ?? 'looks after the organization',
                members === null ? 'all of the organization' : count(members),
                <Button
                  key="members"
                  size="compact-xs"
                  variant="default"
                  aria-label={`Members of ${name}`}
                  aria-expanded={uuid === chosen}
                  onClick={() => setChosen(uuid === chosen ? undefined : uuid)}
                >
                  Members
                </Button>,
              ]}
            />
            {shown !== undefined && <Members key={shown.project.uuid} shared={shown} />}
          </Stack>
        );
      }}
    </Answered>
  );
};
