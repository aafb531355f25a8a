import { expect, it } from '@jest/globals';
import { busyboxEntries, type LayerEntry, layerOf } from '@fornax/testing/layers';
import { pushImage, type TestRegistry } from '@fornax/testing/registry';

/** What a task's end says, as far as these rows look at it. */
interface Ended {
  readonly out: string;
  readonly err?: string;
}
type Run = (command: string, more: Readonly<Record<string, string>>) => Promise<Ended>;

interface Row {
  readonly what: string;
  readonly command?: string;
  readonly constants?: Readonly<Record<string, string>>;
  /** Of the end of the instance. */
  readonly end?: Readonly<Record<string, unknown>>;
  readonly out?: string;
}

/** Of the image that the rows are of: `entry` says what it was given, and runs it. */
const SETTINGS = {
  Env: ['TOOL=of-image', 'OTHER=of-image', 'PATH=/tools:/bin', 'TZ=FNX-9'],
  WorkingDir: '/app',
  Entrypoint: ['entry', 'first'],
  Cmd: ['sh', '-c', 'echo of-image'],
  User: 'tool:staff',
};
const REPOSITORY = 'team/rows';
const ENTRY = '#!/bin/sh\n[ "$2" = quiet ] && { shift 2; exec "$@"; }\necho "$# $1"; shift; exec "$@"\n';

/** What an image and the constants of its task mean, the same for each driver. */
const ROWS: readonly Row[] = [
  { what: 'the entrypoint has the image’s own arguments without a command', out: '4 first\nof-image\n' },
  {
    what: 'the entrypoint has the command for its arguments',
    command: `sh -c 'echo "$0 $1"' 'a b' c`,
    out: '6 first\na b c\n',
  },
  {
    what: 'the environment is the image’s, and what the task says comes first',
    command: `quiet sh -c 'echo $TOOL $OTHER $PATH; date +%Z%z'`,
    constants: { OTHER: 'of-task' },
    out: 'of-image of-task /tools:/bin\nFNX+0900\n',
  },
  { what: 'the folder is the image’s', command: 'quiet pwd', out: '/app\n' },
  {
    what: 'the folder is what the task says',
    command: 'quiet pwd',
    constants: { DOCKER_WORKDIR: '/tools/../lists' },
    out: '/lists\n',
  },
  { what: 'the folder may be the top', command: 'quiet pwd', constants: { DOCKER_WORKDIR: '/' }, out: '/\n' },
  {
    what: 'the user is the image’s',
    command: `quiet sh -c 'id -u; id -g; id -G; id -un'`,
    out: '1234\n50\n50\ntool\n',
  },
  {
    what: 'the user is what the task says, root too',
    command: `quiet sh -c 'id -u; id -g; touch /job/x && stat -c %u:%g /job/x; chown 1 /job/x 2>/dev/null || echo refused'`,
    constants: { DOCKER_USER: 'root' },
    out: '0\n0\n0:0\nrefused\n',
  },
  {
    what: 'the user may be a number that nobody has',
    command: `quiet sh -c 'id -u; id -g'`,
    constants: { DOCKER_USER: '77' },
    out: '77\n0\n',
  },
  {
    what: 'the user may be a number, with a group of the image',
    command: `quiet sh -c 'id -u; id -g'`,
    constants: { DOCKER_USER: '1234:staff' },
    out: '1234\n50\n',
  },
  ...['nosuch', 'tool:nosuch', '1;2', '-1', '../x', 'a b', '99999999999', 'tool:50:7'].map((odd) => ({
    what: `no user is ${JSON.stringify(odd)}`,
    constants: { DOCKER_USER: odd },
    end: { outcome: 'failure', cause: 'user', error: { code: 'FX-CONSTANT' } },
  })),
  {
    what: 'a program that is not in the image is not found',
    command: 'quiet no-such-program',
    end: { outcome: 'failure', cause: 'user', exitCode: 127 },
  },
  {
    what: 'a file that may not be run is told from that',
    command: 'quiet /lists/passwd',
    end: { outcome: 'failure', cause: 'user', exitCode: 126 },
  },
  { what: 'the code is the command’s', command: `quiet sh -c 'exit 77'`, end: { outcome: 'failure', exitCode: 77 } },
  { what: 'nothing comes in', command: 'quiet sh -c "wc -c; readlink /proc/self/fd/0"', out: '0\n/dev/null\n' },
  {
    what: 'the folder for results can be written',
    command: `quiet sh -c 'echo mine > /job/mine; cat /job/mine; umask'`,
    out: 'mine\n0022\n',
  },
  {
    what: 'nothing can be made at the top, nor in what the kernel shows',
    command: `quiet sh -c 'for at in / /proc /sys /run; do touch $at/x 2>/dev/null && echo wrote $at; done; echo over'`,
    out: 'over\n',
  },
];

/** Pushes the image that the rows are of. */
export const pushRows = async (registry: TestRegistry): Promise<void> => {
  // An engine keeps the rights that files have, so these are for everybody.
  const own = (await busyboxEntries('rows')).map(([header, content]): LayerEntry => [
    { ...header, mode: header.type === 'directory' || header.name.startsWith('bin/') ? 0o755 : 0o644 },
    content ?? '',
  ]);
  const folder = (name: string): LayerEntry => [{ name, type: 'directory', mode: 0o755 }];
  const layer = await layerOf([
    ...own,
    ...['chown', 'wc', 'date'].map((name): LayerEntry => [
      { name: `bin/${name}`, type: 'symlink', linkname: 'busybox' },
    ]),
    ...['tools', 'etc', 'lists', 'home', 'home/tool'].map(folder),
    [{ name: 'tools/entry', mode: 0o755 }, ENTRY],
    [{ name: 'lists/passwd', mode: 0o644 }, 'root:x:0:0::/root:/bin/sh\ntool:x:1234:5678::/home/tool:/bin/sh\n'],
    [{ name: 'etc/passwd', type: 'symlink', linkname: '../lists/passwd' }],
    [{ name: 'etc/group', mode: 0o644 }, 'root:x:0:\nstaff:x:50:\n'],
  ]);
  await pushImage(registry, { repository: REPOSITORY, tag: 'v1' }, [layer], SETTINGS);
};

/** Describes what a task's image and constants mean, on whatever runs it; after `pushRows`. @param run runs a task of these constants to its end; undefined: nothing here does */
export const describeImages = (run: Run | undefined): void => {
  const here = run ? it.each(ROWS) : it.skip.each(ROWS);
  here(
    'in an image $what',
    async ({ command, constants = {}, end = { outcome: 'success' }, out }) => {
      const ended = await run?.(command ?? '', { DOCKER_REPO: REPOSITORY, DOCKER_TAG: 'v1', ...constants });
      expect(ended).toMatchObject({ ...end, ...(out === undefined ? {} : { out }) });
    },
    60_000,
  );
};
