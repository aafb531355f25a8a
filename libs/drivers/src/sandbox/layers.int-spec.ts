import { execFileSync } from 'node:child_process';
import { link, mkdir, readdir, readFile, readlink, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, describe, expect } from '@jest/globals';

import type { InstanceSpec, PreparedInstance } from '../driver/driver.js';
import { asRoot, openLevels, testsOf } from './driver.fixture.js';
import { isRoot } from './level.js';

const LEVELS = await openLevels(['bubblewrap', 'unshare', 'process'], { network: 'host' });
afterAll(() => Promise.all(LEVELS.map(([, opened]) => opened?.close())));

const mounts = (): string =>
  execFileSync('/bin/sh', ['-c', 'cat /proc/[0-9]*/mountinfo 2>/dev/null; true'], { maxBuffer: 2 ** 28 }).toString();

describe.each(LEVELS)('files of another instance, at level %s', (level, opened) => {
  const layered = testsOf(opened?.facts.laysOver === true ? opened : undefined);
  let counter = 0;

  const prepare = (over?: string, spec: Partial<InstanceSpec> = {}): Promise<PreparedInstance> => {
    if (!opened) throw new Error('no driver');
    const id = `${basename(opened.dataDir)}-layers-${(counter += 1)}`;
    return opened.driver.prepare({ id, cores: 1, memoryMB: 256, over, ...spec });
  };
  const runIn = async (prepared: PreparedInstance, script: string): Promise<string> => {
    const running = await prepared.start({
      argv: ['/bin/sh', '-c', script],
      env: { PATH: opened?.facts.path ?? '', JOB: prepared.paths.job, TMP: prepared.paths.tmp },
    });
    const [out, err, { exitCode }] = await Promise.all([text(running.stdout), text(running.stderr), running.exit]);
    expect({ err, exitCode }).toEqual({ err: '', exitCode: 0 });
    return out;
  };
  /** One that has ended, and left what the script made. */
  const lowerOf = async (script: string): Promise<PreparedInstance> => {
    const lower = await prepare();
    await runIn(lower, script);
    return lower;
  };

  testsOf(opened)('are laid under its own only where the level says so', async ({ facts }) => {
    expect({ level, laysOver: facts.laysOver }).toEqual({ level, laysOver: level === 'unshare' });
    expect(facts.warnings.some((warning) => warning.includes('a copy of all files of their slot'))).toBe(
      level !== 'unshare',
    );
    const lower = await lowerOf('echo below > file');
    const upper = await prepare(lower.jobDir);
    expect(upper.ownDir === undefined).toBe(level !== 'unshare');
    await upper.dispose();
    await lower.dispose();
  });

  layered('are its own: read, changed, moved, removed and linked, and the other sees nothing of it', async () => {
    const lower = await lowerOf(
      'cd $JOB; umask 077; mkdir -p deep/er kept emptied; echo one > file; echo two > deep/er/file; echo three > gone; echo four > kept/file; echo five > emptied/file; ' +
        'ln -s deep/er link; ln file hard; echo "#!/bin/sh\necho ran" > run; chmod 750 run; chmod 2770 kept; echo hidden > $TMP/other',
    );
    const before = execFileSync('find', [lower.jobDir, '-printf', '%p %m %u %s %T@ %l\\n'])
      .toString()
      .split('\n')
      .sort();
    const upper = await prepare(lower.jobDir);
    const seen = await runIn(
      upper,
      'cd $JOB; cat file deep/er/file link/file hard; ./run; stat -c "%a %U" kept run | tr "\\n" " "; echo; ls -A $TMP; ' +
        'echo more >> file; cat hard; rm gone; rm -r emptied; mkdir emptied; echo new > emptied/other; ' +
        'chmod 644 kept/file; touch made; ln deep/er/file second; rm link; ln -s kept link; ' +
        (isRoot()
          ? "python3 -c \"import os; os.rename('deep', 'moved')\" 2>/dev/null || mv deep moved"
          : 'mv deep moved'),
    );
    const lines = seen.split('\n');
    expect(lines.slice(0, 5)).toEqual(['one', 'two', 'two', 'one', 'ran']);
    expect(lines[5]).toMatch(/^2770 (\S+) 750 \1 $/);
    // Neither what lies beside of the folder, nor (POSIX does not ask for more here) the second name of a file that is changed.
    expect(lines.slice(6)).toEqual(['one', '']);
    const { jobDir } = upper;
    expect((await readdir(jobDir)).sort()).toEqual(
      ['emptied', 'file', 'hard', 'kept', 'link', 'made', 'moved', 'run', 'second'].sort(),
    );
    expect(await readFile(join(jobDir, 'file'), 'utf8')).toBe('one\nmore\n');
    expect(await readFile(join(jobDir, 'moved/er/file'), 'utf8')).toBe('two\n');
    expect(await readdir(join(jobDir, 'emptied'))).toEqual(['other']);
    expect(await readlink(join(jobDir, 'link'))).toBe('kept');
    expect((await stat(join(jobDir, 'kept/file'))).mode & 0o777).toBe(0o644);
    const after = execFileSync('find', [lower.jobDir, '-printf', '%p %m %u %s %T@ %l\\n'])
      .toString()
      .split('\n')
      .sort();
    expect(after).toEqual(before);
    await upper.dispose();
    await lower.dispose();
  });

  layered('lie below what was put into its folder before it began', async () => {
    const lower = await lowerOf('cd $JOB; mkdir inputs; echo slot > inputs/both; echo slot > inputs/slot; mkdir x');
    const upper = await prepare(lower.jobDir);
    await mkdir(join(upper.jobDir, 'inputs'));
    await writeFile(join(upper.jobDir, 'inputs/both'), 'own\n');
    await writeFile(join(upper.jobDir, 'x'), 'a file\n');
    await symlink('inputs/both', join(upper.jobDir, 'to'));
    await link(join(upper.jobDir, 'inputs/both'), join(upper.jobDir, 'linked'));
    expect(await runIn(upper, 'cd $JOB; cat inputs/both inputs/slot x to; echo y >> inputs/slot')).toBe(
      'own\nslot\na file\nown\n',
    );
    // What is replaced while it runs, or after, is replaced for it too.
    await writeFile(join(upper.jobDir, 'new'), 'new\n');
    await rename(join(upper.jobDir, 'new'), join(upper.jobDir, 'inputs/slot'));
    expect(await readFile(join(upper.jobDir, 'inputs/slot'), 'utf8')).toBe('new\n');
    await upper.dispose();
    await lower.dispose();
  });

  layered('are seen apart by two that have them at once, and nothing is left of either', async () => {
    const lower = await lowerOf('cd $JOB; echo below > file');
    const [first, second] = await Promise.all([prepare(lower.jobDir), prepare(lower.jobDir)]);
    await Promise.all([runIn(first, 'echo first > $JOB/file'), runIn(second, 'echo second > $JOB/file')]);
    expect(await readFile(join(first.jobDir, 'file'), 'utf8')).toBe('first\n');
    expect(await readFile(join(second.jobDir, 'file'), 'utf8')).toBe('second\n');
    expect(await readFile(join(lower.jobDir, 'file'), 'utf8')).toBe('below\n');
    const third = await prepare(lower.jobDir);
    const running = await third.start({ argv: ['/bin/sleep', '60'], env: {} });
    running.stdout.resume();
    running.stderr.resume();
    await Promise.all([first.dispose(), second.dispose()]);
    await third.dispose();
    await lower.dispose();
    const own = basename(opened?.dataDir ?? '');
    expect(
      mounts()
        .split('\n')
        .filter((line) => line.includes(`/${own}-layers-`)),
    ).toEqual([]);
  });

  layered('count for nobody who only has them, and what it writes and deletes counts', async () => {
    const lower = await lowerOf('head -c 8000000 /dev/zero > $JOB/large');
    const upper = await prepare(lower.jobDir);
    const running = await upper.start({
      argv: [
        '/bin/sh',
        '-c',
        'cd $JOB; exec 3> held; rm held; head -c 4000000 /dev/zero >&3; echo written; exec sleep 60',
      ],
      env: { PATH: opened?.facts.path ?? '', JOB: upper.paths.job },
    });
    running.stderr.resume();
    await new Promise((resolve) => running.stdout.once('data', resolve));
    const bytes = await upper.diskBytes();
    expect(bytes).toBeGreaterThan(3_900_000);
    expect(bytes).toBeLessThan(7_000_000);
    await upper.dispose();
    await lower.dispose();
  });

  layered('of a folder that is no instance’s are refused', async () => {
    await expect(prepare('/etc')).rejects.toThrow('there is no instance whose folder is');
  });
});

asRoot('a level that lays files over others is what an agent that is root gets', () => {
  expect(LEVELS.find(([name]) => name === 'unshare')?.[1]?.facts.laysOver).toBe(true);
});
