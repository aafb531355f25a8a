import { Progress, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import { revokeToken } from '../../api/people.ts';
import { useAccount, useMayWrite, useMe } from '../../known/me.tsx';
import { useAction } from '../../known/use-action.ts';
import { Answered } from '../../parts/answered.tsx';
import { AskFirst } from '../../parts/ask.tsx';
import { bytes, count, Instant } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Facts } from '../../parts/states.tsx';
import { SharedProjects } from './shared-projects.tsx';

type Quota = readonly [what: string, used: number, most: number, show: (value: number) => string];

const percent = (used: number, most: number): number =>
  most <= 0 ? 0 : Math.min(100, Math.round((100 * used) / most));

/** What an account uses of what it may. */
const Quotas = (): ReactNode => {
  const query = useQuery({
    queryKey: ['info'],
    queryFn: () => bodyOf(api.GET('/info')),
    refetchInterval: 5_000,
  });
  return (
    <Answered query={query}>
      {(info) => {
        const quotas: readonly Quota[] = [
          ['Instances that run', info.runningInstanceCount, info.maxInstances, count],
          ['Cores that run', info.runningCoreCount, info.maxCores, count],
          ['Flex instances', info.runningFlexInstanceCount, info.maxFlexInstances, count],
          ['Flex cores', info.runningFlexCoreCount, info.maxFlexCores, count],
          ['On-demand instances', info.runningOnDemandInstanceCount, info.maxOnDemandInstances, count],
          ['On-demand cores', info.runningOnDemandCoreCount, info.maxOnDemandCores, count],
          ['Tasks', info.taskCount, info.maxTask, count],
          ['Jobs', info.jobCount, info.maxJob, count],
          ['Pools', info.poolCount, info.maxPool, count],
          ['Buckets', info.bucketCount, info.maxBucket, count],
          ['Stored', info.usedQuotaBytesBucket, info.quotaBytesBucket, bytes],
        ];
        return (
          <Rows
            minWidth={420}
            label="My quotas"
            heads={['What', 'Used', 'At most', 'Share']}
            rows={quotas}
            keyOf={([what]) => what}
            cells={([what, used, most, show]) => [
              what,
              show(used),
              show(most),
              <Progress
                key="share"
                w={120}
                value={percent(used, most)}
                aria-label={`${percent(used, most)} % of ${what}`}
              />,
            ]}
          />
        );
      }}
    </Answered>
  );
};

const Tokens = (): ReactNode => {
  const { token: own } = useMe();
  const mayWrite = useMayWrite();
  const query = useQuery({ queryKey: ['tokens'], queryFn: () => bodyOf(api.GET('/fornax/v1/me/tokens')) });
  const revoke = useAction(revokeToken, ['tokens']);
  return (
    <Answered query={query}>
      {(tokens) => (
        <Rows
          minWidth={480}
          label="My tokens"
          heads={['Name', 'Made', 'Ends', '']}
          rows={tokens}
          keyOf={({ id }) => id}
          cells={({ id, name, creationDate, expirationDate, isExpired }) => [
            id === own ? `${name} (this one)` : name,
            <Instant key="made" at={creationDate} />,
            expirationDate === null ? 'never' : <Instant key="ends" at={expirationDate} />,
            isExpired || !mayWrite ? (
              ''
            ) : (
              <AskFirst
                key="revoke"
                label="Revoke"
                name={`Revoke: ${name}`}
                question={`Revoke ${name}?`}
                detail={
                  id === own
                    ? 'It is the one of this page: you will be signed out.'
                    : 'Whatever uses it is out at once.'
                }
                isPending={revoke.isPending && revoke.variables === id}
                onConfirm={() => revoke.mutate(id)}
              />
            ),
          ]}
        />
      )}
    </Answered>
  );
};

/** The account that is signed in: what it may, its projects, its tokens. */
export const Mine = (): ReactNode => {
  const { email, role, organization, projects } = useAccount();
  const credits = useQuery({
    queryKey: ['credits'],
    queryFn: () => bodyOf(api.GET('/credits/v1/accounts/credits')),
  });
  return (
    <Stack>
      <Facts
        facts={[
          ['E-mail', email],
          ['Role', role],
          ['Organization', organization?.name ?? '–'],
          ['Credits left', credits.data === undefined ? '–' : `${credits.data.credits} €`],
        ]}
      />
      <Title order={2} size="h4">
        Quotas
      </Title>
      <Quotas />
      <Title order={2} size="h4">
        Projects
      </Title>
      {projects.length === 0 && <Text size="sm">You are in no project.</Text>}
      {projects.length > 0 && (
        <Rows
          minWidth={420}
          label="My projects"
          heads={['Name', 'Slug', 'Description', '']}
          rows={projects}
          keyOf={({ uuid }) => uuid}
          cells={({ uuid, name, slug, description, isDefault }) => [
            <Link key="tasks" to="/tasks" search={{ project: uuid }}>
              {name}
            </Link>,
            slug,
            description,
            isDefault ? 'default' : '',
          ]}
        />
      )}
      {organization !== null && (
        <>
          <Title order={2} size="h4">
            Shared projects
          </Title>
          <SharedProjects />
        </>
      )}
      <Title order={2} size="h4">
        Tokens
      </Title>
      <Tokens />
    </Stack>
  );
};
