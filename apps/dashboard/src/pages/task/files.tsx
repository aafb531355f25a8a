import { Select, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Task } from '../../api/wire.ts';
import { FileBrowser } from '../../files/file-browser.tsx';
import { SnapshotFiles } from '../../files/snapshot-files.tsx';
import { TASK } from '../../known/live-tasks.ts';
import { Empty } from '../../parts/states.tsx';

/** Where files of a task lie. */
interface Place {
  readonly name: string;
  readonly bucket: string;
  readonly root: string;
}

/** What begins all names of a prefix that is filled in for each instance, such as `runs/${INSTANCE_ID}/`: the folder above that. */
const rootOf = (prefix: string): string => {
  const at = prefix.indexOf('${');
  return at < 0 ? prefix : prefix.slice(0, prefix.lastIndexOf('/', at) + 1);
};

const placesOf = (task: Task): readonly Place[] => {
  const results = task.resultsBucket ?? task.resultBucket;
  const inputs = [
    ...task.resourceBuckets.map((bucket) => ({ bucket, root: '' })),
    ...task.advancedResourceBuckets.map(({ bucketName, filtering }) => ({
      bucket: bucketName,
      root: rootOf(filtering?.prefixFiltering?.prefix ?? ''),
    })),
  ];
  return [
    ...(results === null ? [] : [{ name: 'Results', bucket: results, root: rootOf(task.resultsBucketPrefix ?? '') }]),
    ...inputs.map(({ bucket, root }) => ({ name: `Input: ${bucket}/${root}`, bucket, root })),
  ];
};

/** The inputs, results and snapshots of a task as files. */
export const TaskFiles = ({ task }: { readonly task: Task }): ReactNode => {
  const places = placesOf(task);
  const { data } = useQuery({
    queryKey: [TASK, task.uuid, 'snapshots'],
    queryFn: () => bodyOf(api.GET('/fornax/v1/snapshots', { params: { query: { task: task.uuid } } })),
  });
  const snapshots = (data?.snapshots ?? []).filter(({ status, prune }) => status === 'success' && prune === null);
  const choices = [
    ...places.map(({ name }, at) => ({ value: `place ${at}`, label: name })),
    ...snapshots.map(({ id, triggerDate }) => ({
      value: `snapshot ${id}`,
      label: `Snapshot of ${new Date(triggerDate).toLocaleString()}`,
    })),
  ];
  const [chosen, setChosen] = useState<string>();
  const [folder, setFolder] = useState('');
  const value = chosen ?? choices[0]?.value;
  if (value === undefined) return <Empty title="It has no inputs, and keeps no results" />;
  const place = places.find((_, at) => value === `place ${at}`);
  const snapshot = snapshots.find(({ id }) => value === `snapshot ${id}`);
  return (
    <Stack>
      <Select
        label="Files of"
        maw={480}
        data={choices}
        value={value}
        allowDeselect={false}
        onChange={(to) => {
          setChosen(to ?? undefined);
          setFolder('');
        }}
      />
      {place !== undefined && (
        <FileBrowser
          key={`${value} ${folder}`}
          bucket={place.bucket}
          root={place.root}
          folder={folder}
          onFolder={setFolder}
        />
      )}
      {snapshot !== undefined && <SnapshotFiles key={value} task={task.uuid} snapshot={snapshot.id} />}
    </Stack>
  );
};
