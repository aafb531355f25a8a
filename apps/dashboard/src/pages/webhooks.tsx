import {
  Alert,
  Badge,
  Button,
  Card,
  Code,
  Group,
  NumberInput,
  Stack,
  TagsInput,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import {
  deleteWebhook,
  makeWebhook,
  readWebhooks,
  replayWebhook,
  resumeWebhook,
  testWebhook,
  type Webhook,
} from '../api/webhooks.ts';
import { useMayWrite } from '../known/me.tsx';
import { useAction } from '../known/use-action.ts';
import { Answered } from '../parts/answered.tsx';
import { AskFirst } from '../parts/ask.tsx';
import { count, Instant } from '../parts/format.tsx';
import { Empty, Facts } from '../parts/states.tsx';

const WEBHOOKS = ['webhooks'] as const;

/** The signing secret of a new webhook is shown once, and kept nowhere. */
const NewWebhook = (): ReactNode => {
  const [url, setUrl] = useState('');
  const [name, setName] = useState('');
  const [types, setTypes] = useState<string[]>([]);
  const [secret, setSecret] = useState<string>();
  const { mutate, isPending } = useAction(makeWebhook, WEBHOOKS, (made) => {
    setSecret(made.secret);
    setUrl('');
    setName('');
    setTypes([]);
  });
  return (
    <Stack>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          mutate({ url: url.trim(), name: name.trim(), types });
        }}
      >
        <Group align="flex-end">
          <TextInput label="URL" w={300} value={url} onChange={(event) => setUrl(event.currentTarget.value)} />
          <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <TagsInput label="Events" placeholder="All" w={220} value={types} onChange={setTypes} />
          <Button type="submit" variant="default" loading={isPending} disabled={url.trim() === ''}>
            Register it
          </Button>
        </Group>
      </form>
      {secret !== undefined && (
        <Alert color="yellow" title="The secret that its messages are signed with" role="status">
          <Stack align="flex-start" gap="xs">
            <Code block tabIndex={0}>
              {secret}
            </Code>
            <Text size="sm">It is not shown again.</Text>
            <Button size="xs" variant="default" onClick={() => setSecret(undefined)}>
              I have it
            </Button>
          </Stack>
        </Alert>
      )}
    </Stack>
  );
};

const Replay = ({ webhook }: { readonly webhook: Webhook }): ReactNode => {
  const [from, setFrom] = useState<string | number>('');
  const { mutate, isPending } = useAction(replayWebhook, WEBHOOKS, () => setFrom(''));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        mutate({ id: webhook.id, from: Number(from) });
      }}
    >
      <Group gap="xs" align="flex-end">
        <NumberInput
          label="Send again from"
          description="A sequence of the log"
          size="xs"
          w={160}
          min={1}
          allowDecimal={false}
          value={from}
          onChange={setFrom}
        />
        <Button size="xs" variant="default" type="submit" loading={isPending} disabled={from === ''}>
          Replay
        </Button>
      </Group>
    </form>
  );
};

const Actions = ({ webhook }: { readonly webhook: Webhook }): ReactNode => {
  const { id, state, name, url } = webhook;
  const test = useAction(testWebhook, WEBHOOKS, ({ ok, status, error, durationMs }) =>
    notifications.show({
      color: ok ? 'green' : 'red',
      title: ok ? 'It was taken' : 'It was not taken',
      message: `${status === null ? (error ?? 'no answer') : `status ${status}`} after ${durationMs} ms`,
    }),
  );
  const resume = useAction(resumeWebhook, WEBHOOKS);
  const remove = useAction(deleteWebhook, WEBHOOKS);
  return (
    <Group align="flex-end">
      <Button size="xs" variant="default" loading={test.isPending} onClick={() => test.mutate(id)}>
        Test
      </Button>
      {state === 'parked' && (
        <Button size="xs" variant="default" loading={resume.isPending} onClick={() => resume.mutate(id)}>
          Resume
        </Button>
      )}
      <Replay webhook={webhook} />
      <AskFirst
        label="Delete"
        name={`Delete: ${name || url}`}
        question="Delete this webhook?"
        detail="Nothing is sent to it any more."
        isPending={remove.isPending}
        onConfirm={() => remove.mutate(id)}
      />
    </Group>
  );
};

const WebhookCard = ({ webhook }: { readonly webhook: Webhook }): ReactNode => {
  const mayWrite = useMayWrite();
  const { name, url, state, types, tasks, position, failures } = webhook;
  return (
    <Card withBorder component="section" aria-label={name || url}>
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap">
          <Title order={2} size="h4" className="cut">
            {name || url}
          </Title>
          <Badge variant="outline" className={`state state-${state === 'active' ? 'green' : 'orange'}`}>
            {state}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed" className="cut" title={url}>
          {url}
        </Text>
        {webhook.lastError !== null && (
          <Alert
            color={state === 'parked' ? 'red' : 'yellow'}
            title={state === 'parked' ? 'It is parked: nothing is sent' : 'It is tried again'}
          >
            {webhook.parkedReason ?? webhook.lastError}
            {webhook.failingSince === null ? '' : ', since '}
            {webhook.failingSince !== null && <Instant at={webhook.failingSince} />}
          </Alert>
        )}
        <Facts
          facts={[
            ['Events', types?.join(', ') ?? 'all'],
            ['Tasks', tasks === null ? 'all' : count(tasks.length)],
            ['Delivered up to', count(position)],
            ['Last delivery', <Instant key="at" at={webhook.lastDeliveryAt} />],
            ['Failed in a row', count(failures)],
            ['Stopped at', webhook.parkedSequence === null ? '–' : count(webhook.parkedSequence)],
          ]}
        />
        {mayWrite && <Actions webhook={webhook} />}
      </Stack>
    </Card>
  );
};

/** Who is told of what happens, and how that goes. */
export const WebhooksPage = (): ReactNode => {
  const mayWrite = useMayWrite();
  const query = useQuery({ queryKey: WEBHOOKS, queryFn: readWebhooks, refetchInterval: 5_000 });
  return (
    <Stack>
      <Title order={1} size="h2">
        Webhooks
      </Title>
      {mayWrite && <NewWebhook />}
      <Answered query={query}>
        {(webhooks) =>
          webhooks.length === 0 ? (
            <Empty title="Nobody is told of anything yet" />
          ) : (
            <Stack>
              {webhooks.map((webhook) => (
                <WebhookCard key={webhook.id} webhook={webhook} />
              ))}
            </Stack>
          )
        }
      </Answered>
    </Stack>
  );
};
