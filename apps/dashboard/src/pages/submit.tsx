import {
  Autocomplete,
  Button,
  Group,
  Input,
  List,
  MultiSelect,
  NumberInput,
  Select,
  Stack,
  TagsInput,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { api, bodyOf } from '../api/client.ts';
import { makeBucket } from '../api/files.ts';
import type { Profile } from '../api/wire.ts';
import { DropPlace, SendingList } from '../files/drop-place.tsx';
import { UnfinishedUploads } from '../files/unfinished-uploads.tsx';
import { useUploads, type Chosen } from '../files/use-uploads.ts';
import { BUCKETS } from '../known/buckets.ts';
import { useKeptBucket } from '../known/kept-bucket.ts';
import { useMayWrite } from '../known/me.tsx';
import { constraintsOf, type TypedConstraint } from '../parts/constraints.ts';
import { ConstantField, firstConstants } from '../parts/constant-field.tsx';
import { bytes } from '../parts/format.tsx';
import { Empty, Failed, FailedPage, Waiting } from '../parts/states.tsx';
import { bodyOfTask, type Wanted } from '../parts/task-code.ts';
import { CodeOf } from './task/as-code.tsx';
import { Estimate } from './submit/estimate.tsx';
import { Hardware, useFoundNodes } from './submit/hardware.tsx';

/** What is typed into the form. */
interface Draft {
  readonly name: string;
  readonly instances: number;
  readonly constants: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly inputs: readonly string[];
  readonly results: string;
  readonly hardware: readonly TypedConstraint[];
}

const WORD_CHARACTERS = 32;
const BUCKETS_MS = 5_000;

/** A new bucket for the files of a task: named after it, and after nothing else that there is. */
const bucketFor = (name: string): string => {
  const word = name
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, '-')
    .slice(0, WORD_CHARACTERS)
    .replaceAll(/^-+|-+$/g, '');
  const mark = crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36) ?? '';
  return `${word || 'task'}-${mark}`;
};

const EMPTY: Draft = { name: '', instances: 1, constants: {}, tags: [], inputs: [], results: '', hardware: [] };

/** Constants that differ from what the profile gives: the rest is the profile's to say. */
const wantedOf = (draft: Draft, profile: Profile): Wanted => ({
  name: draft.name.trim(),
  profile: profile.name,
  instanceCount: draft.instances,
  advancedRanges: undefined,
  constants: profile.constants.flatMap(({ name, value }) => {
    const typed = draft.constants[name];
    return typed === undefined || typed === value ? [] : [{ key: name, value: typed }];
  }),
  tags: draft.tags,
  resourceBuckets: draft.inputs,
  resultBucket: draft.results.trim() === '' ? undefined : draft.results.trim(),
  hardwareConstraints: constraintsOf(draft.hardware),
});

const isNotIn =
  (others: readonly Chosen[]) =>
  ({ path }: Chosen): boolean =>
    !others.some((other) => other.path === path);

interface FormProps {
  readonly profile: Profile;
  /** Undefined until it is known. */
  readonly buckets: readonly string[] | undefined;
}

/** Buckets that were chosen and are not there any more; none while it is not known which there are. */
const goneOf = (chosen: readonly string[], buckets: readonly string[] | undefined): readonly string[] =>
  buckets === undefined ? [] : chosen.filter((name) => !buckets.includes(name));

/** What it cannot be sent without yet; undefined when it can. */
const missingIn = (name: string, isSending: boolean, gone: readonly string[]): string | undefined => {
  if (name.trim() === '') return 'The task needs a name.';
  if (isSending) return 'Its files are being sent first.';
  return gone.length === 0 ? undefined : 'One of its buckets is not there any more.';
};

const Form = ({ profile, buckets }: FormProps): ReactNode => {
  const kept = useKeptBucket();
  // What was sent before the page was loaded again is taken along, and stands there to be taken out.
  const [draft, setDraft] = useState(() => (kept.name === undefined ? EMPTY : { ...EMPTY, inputs: [kept.name] }));
  const [isShowingAll, setShowingAll] = useState(false);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const wanted = wantedOf(draft, profile);
  const [files, setFiles] = useState<readonly Chosen[]>([]);
  const found = useFoundNodes(profile.name, wanted.hardwareConstraints);
  const uploads = useUploads();
  const { sending, send } = uploads;
  /** Sends the files of the task first. @returns the buckets of its inputs, with theirs */
  const withFiles = async (): Promise<readonly string[]> => {
    const { inputs } = draft;
    if (files.length === 0) return inputs;
    // Each try goes on in the bucket of the one before.
    const bucket = kept.name ?? bucketFor(wanted.name);
    await makeBucket(bucket);
    kept.keep(bucket);
    await queries.invalidateQueries(BUCKETS);
    const missing = await send(bucket, '', files, true);
    const resourceBuckets = inputs.includes(bucket) ? inputs : [...inputs, bucket];
    // What is there is not sent again, whatever goes wrong below.
    setFiles(missing);
    change({ inputs: resourceBuckets });
    if (missing.length > 0) throw new Error('Not all files could be sent');
    return resourceBuckets;
  };
  const { mutate, isPending, error } = useMutation({
    mutationFn: async () => {
      const resourceBuckets = await withFiles();
      return bodyOf(api.POST('/tasks', { body: bodyOfTask({ ...wanted, resourceBuckets }) }));
    },
    onSuccess: (made) => {
      kept.forget();
      if ('uuid' in made) void navigate({ to: '/tasks/$id', params: { id: made.uuid } });
    },
  });
  const change = (changed: Partial<Draft>): void => setDraft((known) => ({ ...known, ...changed }));
  const gone = goneOf(draft.inputs, buckets);
  const missing = missingIn(draft.name, uploads.isBusy, gone);
  const first = firstConstants(profile);
  const typed = new Map(profile.fornax.constants.map((one) => [one.name, one]));
  const constants = isShowingAll || first.length === 0 ? profile.constants : first;
  return (
    <Stack>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          mutate();
        }}
      >
        <Stack maw={640}>
          <Group grow align="flex-start">
            <TextInput
              label="Name"
              required
              value={draft.name}
              onChange={(event) => change({ name: event.currentTarget.value })}
            />
            <NumberInput
              label="Instances"
              min={1}
              max={100_000}
              allowDecimal={false}
              required
              value={draft.instances}
              onChange={(value) => change({ instances: Number(value) || 1 })}
            />
          </Group>
          {constants.map((constant) => (
            <ConstantField
              key={constant.name}
              constant={constant}
              type={typed.get(constant.name)}
              value={draft.constants[constant.name] ?? ''}
              onChange={(value) => {
                const { [constant.name]: _, ...others } = draft.constants;
                change({ constants: value === '' ? others : { ...others, [constant.name]: value } });
              }}
            />
          ))}
          {first.length > 0 && (
            <Button
              variant="default"
              size="xs"
              onClick={() => setShowingAll(!isShowingAll)}
              aria-expanded={isShowingAll}
            >
              {isShowingAll ? 'Fewer constants' : `All ${profile.constants.length} constants`}
            </Button>
          )}
          <MultiSelect
            label="Buckets with inputs"
            error={
              gone.length === 0
                ? undefined
                : `${gone.join(', ')}: deleted meanwhile, or not shared with you any more. Take it out, or choose another.`
            }
            data={[...new Set([...(buckets ?? []), ...draft.inputs])]}
            value={[...draft.inputs]}
            onChange={(inputs) => {
              if (kept.name !== undefined && draft.inputs.includes(kept.name) && !inputs.includes(kept.name))
                kept.forget();
              change({ inputs });
            }}
            searchable
          />
          <Input.Wrapper
            label="Files"
            description="They go into a new bucket of your own, which becomes one of its inputs"
            labelElement="div"
          >
            <DropPlace
              label="Files for the task"
              onFiles={(chosen) => setFiles((before) => [...before.filter(isNotIn(chosen)), ...chosen])}
            >
              {files.length > 0 && (
                <List size="sm" mt="xs">
                  {files.map(({ path, file }) => (
                    <List.Item key={path}>
                      {path}, {bytes(file.size)}
                    </List.Item>
                  ))}
                </List>
              )}
              <SendingList sending={sending} />
              {kept.name !== undefined &&
                draft.inputs.includes(kept.name) &&
                !gone.includes(kept.name) &&
                !isPending && (
                  <>
                    <Text size="sm" mt="xs">
                      What came of them before lies in {kept.name} and goes with the task, unless you take that out of
                      its buckets.
                    </Text>
                    <UnfinishedUploads bucket={kept.name} prefix="" uploads={uploads} />
                  </>
                )}
            </DropPlace>
          </Input.Wrapper>
          <Autocomplete
            label="Bucket for results"
            description="One that is not there yet is made; without one, no file is kept"
            data={[...(buckets ?? [])]}
            value={draft.results}
            onChange={(results) => change({ results })}
          />
          <Hardware typed={draft.hardware} found={found} onChange={(hardware) => change({ hardware })} />
          <Estimate
            profile={profile.name}
            instances={draft.instances}
            constraints={wanted.hardwareConstraints}
            found={found}
          />
          <TagsInput label="Tags" value={[...draft.tags]} onChange={(tags) => change({ tags })} />
          {error !== null && <Failed error={error} />}
          <Group>
            <Button type="submit" loading={isPending} disabled={missing !== undefined}>
              Submit
            </Button>
            <Text size="sm" c="dimmed">
              {missing ?? 'It begins as soon as there is room for it.'}
            </Text>
          </Group>
        </Stack>
      </form>
      <Title order={2} size="h3">
        As code
      </Title>
      <CodeOf wanted={wanted} />
    </Stack>
  );
};

/** Submits a task by a form that is made of what its profile asks for. */
export const SubmitPage = (): ReactNode => {
  const mayWrite = useMayWrite();
  const [name, setName] = useState<string | null>(null);
  const profiles = useQuery({ queryKey: ['profiles'], queryFn: () => bodyOf(api.GET('/profiles')) });
  // The form may be filled in for long: what it offers, and what was chosen, may be deleted meanwhile.
  const buckets = useQuery({ ...BUCKETS, refetchInterval: BUCKETS_MS });
  const chosen = name ?? profiles.data?.[0] ?? null;
  const profile = useQuery({
    queryKey: ['profiles', chosen],
    queryFn: () => bodyOf(api.GET('/profiles/{name}', { params: { path: { name: chosen ?? '' } } })),
    enabled: chosen !== null,
  });
  const error = profiles.error ?? profile.error;
  if (!mayWrite)
    return (
      <>
        <Title order={1} size="h2">
          Submit a task
        </Title>
        <Empty title="Your role only reads" />
      </>
    );
  if (error !== null) return <FailedPage error={error} onRetry={() => void profiles.refetch()} />;
  return (
    <Stack>
      <Title order={1} size="h2">
        Submit a task
      </Title>
      <Select
        label="Profile"
        maw={640}
        data={profiles.data ?? []}
        value={chosen}
        onChange={setName}
        allowDeselect={false}
      />
      {profile.data === undefined ? (
        <Waiting />
      ) : (
        <Form key={chosen} profile={profile.data} buckets={buckets.data?.map((bucket) => bucket.name)} />
      )}
    </Stack>
  );
};
