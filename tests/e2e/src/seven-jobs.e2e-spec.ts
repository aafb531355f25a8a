import { chmod, mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPlatform, type RunningPlatform } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Ended } from './command-line.js';
import { typed as typedOn } from './typed.js';

const SLOW_MS = 300_000;

let platform: RunningPlatform;
let home: string;
beforeAll(async () => {
  platform = await startPlatform();
  home = await mkdtemp(join(tmpdir(), 'fornax-jobs-'));
}, SLOW_MS);
afterAll(async () => {
  await platform.stop();
  await rm(home, { recursive: true, force: true });
});

const typed = (job: string, lines: string): Promise<Ended> => typedOn(platform, home, job, lines);
const file = async (job: string, name: string, content: string, mode = 0o644): Promise<void> => {
  const path = join(home, job, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  await chmod(path, mode);
};
const read = (job: string, name: string): Promise<string> => readFile(join(home, job, name), 'utf8');

describe('jobs of people, with the command line alone', () => {
  it(
    'a sweep of 200, from a script of more than a constant holds, with what it asks for in itself',
    async () => {
      const long = Array.from({ length: 200 }, (_, line) => `# line ${line} of what a script says about itself\n`).join(
        '',
      );
      await file('sweep', 'data/factor', '3\n');
      await file(
        'sweep',
        'sweep.sh',
        `#!/bin/bash\n#FORNAX --array 0-199%20 --in ./data --tag sweep\n#FORNAX --env "UNIT=it's m"\n${long}
values=(a b)
[ "\${values[1]}" = b ] || exit 9   # a real bash
echo "$((INSTANCE_ID * $(cat factor))) $UNIT $1" > result.txt\n`,
      );
      const { code, stdout, stderr } = await typed('sweep', 'fornax submit sweep.sh --out ./results -- "of mine"');
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('200 results are in ./results') });
      expect((await readdir(join(home, 'sweep/results'))).length).toBe(200);
      expect(await read('sweep', 'results/199/result.txt')).toBe("597 it's m of mine\n");
      const task = stdout.trim().split('\n')[0] ?? '';
      const list = await typed('sweep', 'fornax task list --tag sweep --output json');
      expect(JSON.parse(list.stdout)).toMatchObject([{ id: task, state: 'Success', instances: 200 }]);
    },
    SLOW_MS,
  );

  it(
    'a pipeline: what comes after waits, reads what was made, and a failure says what it was',
    async () => {
      await file('pipeline', 'make.sh', 'seq 1 10 > numbers\n');
      await file('pipeline', 'add.sh', "awk '{s+=$1} END {print s}' numbers > sum\ncat sum\n");
      await file('pipeline', 'broken.sh', 'echo the disk of the moon is full >&2\nexit 7\n');
      const made = await typed(
        'pipeline',
        `first=$(fornax submit make.sh --out pipeline/made)
fornax submit add.sh --in pipeline/made --out ./sums --after $first
cat sums/sum`,
      );
      expect({ code: made.code, last: made.stdout.trim().split('\n').at(-1) }).toEqual({ code: 0, last: '55' });
      const broken = await typed('pipeline', 'fornax submit broken.sh --wait');
      expect(broken.code).toBe(1);
      for (const part of ['exited with code 7', 'the disk of the moon is full', 'fornax task retry'])
        expect(broken.stderr).toContain(part);
    },
    SLOW_MS,
  );

  it(
    'the frames of a film, from a table of shots',
    async () => {
      await file('film', 'shots.csv', 'SHOT,FRAMES\nintro,2\nchase,3\n');
      const { code, stderr } = await typed(
        'film',
        `film=$(fornax task submit -n film --each shots.csv --results film --results-prefix '\${SHOT}/' --wait \\
  --shell 'for n in $(seq $FRAMES); do echo "$SHOT $n" > frame-$n; done')
fornax cp film ./frames`,
      );
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect((await readdir(join(home, 'film/frames/chase'))).sort()).toEqual(['frame-1', 'frame-2', 'frame-3']);
      expect(await read('film', 'frames/intro/frame-2')).toBe('intro 2\n');
    },
    SLOW_MS,
  );

  it(
    'a long run: looked at, detached from, ended by its time',
    async () => {
      await file('long', 'long.sh', '#FORNAX --time 1h --tag long\necho started\nsleep 3600\n');
      const run = await typed(
        'long',
        `task=$(fornax submit long.sh)
until fornax task logs $task | grep -q started; do sleep 0.2; done
fornax task list --state running --tag long --quiet
fornax task instances $task --output csv --columns instance,state
fornax task abort $task --reason 'it is long enough'
fornax task logs $task -f
fornax task list --state cancelled --tag long --quiet`,
      );
      const [id = '', ...others] = run.stdout.trim().split('\n');
      expect(others).toEqual(['instance,state', '0,running', '0> started', id]);
      expect(run.stderr).toContain('Cancelled');
    },
    SLOW_MS,
  );

  it(
    'a build: sources go there, the program comes back, and its failure is the exit code',
    async () => {
      await file('build', 'src/main.sh', '#!/bin/sh\necho built\n', 0o755);
      const { code, stdout } = await typed(
        'build',
        `fornax run --input ./src --result ./out -- sh -c 'echo compiling; cat main.sh > program; chmod +x program'
./out/program`,
      );
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'compiling\nbuilt\n' });
      const failed = await typed('build', `fornax run --input ./src -- sh -c 'echo no such header >&2; exit 2'`);
      expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('no such header\n') });
    },
    SLOW_MS,
  );

  it(
    "a team's day: projects, tags, lists that answer questions, and what it cost",
    async () => {
      const { code, stdout, stderr } = await typed(
        'team',
        `set -e
fornax project create "Night shift" > /dev/null
fornax run --tag day -- true
fornax task submit -n night -c A=1 --command true --project night-shift --wait > /dev/null 2>&1
fornax task list --project night-shift --columns name,state --output csv
fornax task list --name nig --since 1h --limit 5 --output yaml --columns name
fornax usage --by project --from today --output json | grep -c '"amount"'
fornax quota show --output json > quota.json`,
      );
      expect({ code, stderr: stderr.includes('rror') }).toEqual({ code: 0, stderr: false });
      expect(stdout).toMatch(/^name,state\nnight,Success\n- name: night\n\d+\n$/);
      expect(JSON.parse(await read('team', 'quota.json'))).toEqual(expect.any(Array));
    },
    SLOW_MS,
  );

  it(
    "an operator's day: health, nodes drained and resumed, the log verified",
    async () => {
      const { code, stdout } = await typed(
        'operator',
        `fornax health
fornax doctor --columns verdict --quiet | sort -u
node=$(fornax node list --quiet | head -1)
fornax node drain $node --reason 'a new disk'
fornax node list --columns node,status --output csv
fornax node resume $node
fornax node events $node | grep -c Drain
fornax log verify --no-archive
fornax projection list --output csv --columns projection,lag | head -1`,
      );
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^ready\nok\n(?:warning\n)?.*: draine?d?.*\nnode,status\n.*,drain.*\n.*\n\d+\n.*the log is whole\nprojection,lag\n$/s,
      );
    },
    SLOW_MS,
  );
});
