import { once } from 'node:events';
import { text } from 'node:stream/consumers';

import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { EnteredCommand, EnteringCommand, PreparedInstance, RunningInstance } from '../driver/driver.js';
import { openDriver, openLevels, testsOf } from './driver.fixture.js';

const MEMORY_MB = 256;
const FACTS =
  'id -u; id -g; id -G; pwd; echo "$MARK"; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status; ulimit -n; cat /proc/self/cgroup; readlink /proc/self/ns/*';

const levels = await openLevels(['unshare', 'bubblewrap']);

describe.each(levels)('a command that is entered into an instance at level %s', (level, open) => {
  // As for ways in: an ordinary user may not look at a process whose users are others.
  const mayEnter = level === 'bubblewrap' || process.getuid?.() === 0;
  const entered = testsOf(mayEnter ? open : undefined);
  let prepared: PreparedInstance;
  let running: RunningInstance;

  const start = async (script: string): Promise<RunningInstance> => {
    if (!open) throw new Error('no driver');
    return prepared.start({ argv: ['sh', '-c', script], env: { PATH: open.facts.path, MARK: 'of the instance' } });
  };
  const ended = async (command: EnteredCommand): Promise<{ out: string; err: string; exitCode: number }> => {
    const [out, err, { exitCode }] = await Promise.all([text(command.stdout), text(command.stderr), command.exit]);
    return { out, err, exitCode };
  };
  const say = async (script: string, how: Partial<EnteringCommand> = {}): ReturnType<typeof ended> => {
    const command = await running.enter({ argv: ['sh', '-c', script], ...how });
    command.stdin.end();
    return ended(command);
  };

  beforeAll(async () => {
    if (!open || !mayEnter) return;
    prepared = await open.driver.prepare({ id: `${level}-entered`, cores: 1, memoryMB: MEMORY_MB });
    running = await start(`{ ${FACTS}; } > facts 2>&1; echo up; exec sleep 600`);
    await once(running.stdout, 'data');
  });
  afterAll(async () => {
    await prepared?.dispose();
    await open?.close();
  });

  entered('prints, reads, and ends with its code', async () => {
    expect(await say('echo out; echo err >&2; exit 7')).toEqual({ out: 'out\n', err: 'err\n', exitCode: 7 });
    const cat = await running.enter({ argv: ['cat'] });
    cat.stdin.end('what is read\n');
    expect(await ended(cat)).toEqual({ out: 'what is read\n', err: '', exitCode: 0 });
    expect(await say('echo again > /dev/stdout; kill -9 $$')).toEqual({ out: 'again\n', err: '', exitCode: 137 });
    const missing = await running.enter({ argv: ['no-such-program'] });
    expect(await ended(missing)).toEqual({ out: '', err: 'no-such-program: not found\n', exitCode: 127 });
  });

  entered(
    'has the rights, limits, folder, environment and namespaces of the instance’s own, and no others',
    async () => {
      const facts = await say(FACTS);
      expect(facts).toEqual({ out: (await say('cat facts')).out, err: '', exitCode: 0 });
      expect(facts.out).toContain('CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n');
      // The first process of the namespace hears nothing from inside.
      const attacks = await say(
        'unshare -r true && echo in; mount -t tmpfs x /tmp && echo in; ls /.fornax; kill -9 1; echo on',
      );
      expect(attacks.out).toBe('on\n');
    },
  );

  entered('has a terminal of its size, which changes, and shows all that was printed', async () => {
    const terminal = { rows: 33, columns: 91 };
    const command = await running.enter({
      argv: ['sh', '-c', 'trap "stty size; exit 4" WINCH; stty size; tty; while :; do sleep 0.05; done'],
      terminal,
      env: { TERM: 'xterm' },
    });
    let shown = '';
    const shownAll = once(command.stdout, 'close');
    command.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    await eventually(() => shown.includes('/dev/pts/'), { timeoutMs: 10_000 });
    command.resize({ rows: 40, columns: 100 });
    expect(await command.exit).toEqual({ exitCode: 4 });
    await shownAll;
    expect(shown).toMatch(/^33 91\r\n\/dev\/pts\/\d+\r\n40 100\r\n$/);
    expect((await say('seq 20000 | tail -c 60000', { terminal })).out.length).toBeGreaterThan(60_000);
    expect((await say('exec no-such-program', { terminal })).exitCode).toBe(127);
  });

  entered('takes what it has started with it when it is ended, jobs of a shell too', async () => {
    const script = 'set -m; sleep 601 & sleep 602 & (trap "" HUP TERM; exec sleep 603) & echo on; wait';
    const command = await running.enter({ argv: ['sh', '-c', script], terminal: { rows: 24, columns: 80 } });
    await once(command.stdout, 'data');
    const sleepers = async (): Promise<string> => (await say('cat /proc/[0-9]*/cmdline | tr "\\\\0" " "')).out;
    await eventually(async () => (await sleepers()).includes('sleep 603'), { timeoutMs: 10_000 });
    command.kill();
    expect(await command.exit).toMatchObject({ exitCode: 137 });
    expect(await sleepers()).not.toMatch(/sleep 60[123]/);
    expect(await sleepers()).toContain('sleep 600');
  });

  entered('is counted with the instance, stands still with it, and takes no memory beside it', async () => {
    const before = (await running.measure()).memoryMB ?? 0;
    const hold = 'import time; x = b"a" * 100_000_000; print("on", flush=True); time.sleep(600)';
    const command = await running.enter({ argv: ['python3', '-c', hold] });
    await once(command.stdout, 'data');
    expect((await running.measure()).memoryMB ?? 0).toBeGreaterThan(before + 90);
    expect(await running.freeze(20_000)).toBe(true);
    running.thaw();
    command.kill();
    await command.exit;
    const much = await running.enter({ argv: ['python3', '-c', 'x = b"a" * 900_000_000; print("held")'] });
    expect(await text(much.stdout)).not.toContain('held');
  });

  entered('ends with the instance, and begins in none that is over', async () => {
    // The one before may have been ended for its memory.
    running.kill();
    await running.exit;
    running = await start('echo up; exec sleep 600');
    await once(running.stdout, 'data');
    const all = await Promise.all(
      [undefined, { rows: 24, columns: 80 }].map((terminal) => running.enter({ argv: ['sleep', '600'], terminal })),
    );
    running.kill();
    await running.exit;
    for (const { exit } of all) expect(await exit).toMatchObject({ exitCode: 137 });
    await expect(running.enter({ argv: ['true'] })).rejects.toThrow('over');
  });

  entered('is one of sixteen at most', async () => {
    running = await start('echo up; exec sleep 600');
    await once(running.stdout, 'data');
    const all = await Promise.all(Array.from({ length: 16 }, () => running.enter({ argv: ['sleep', '600'] })));
    await expect(running.enter({ argv: ['true'] })).rejects.toThrow('16 sessions at once');
    all[0]?.kill();
    await all[0]?.exit;
    expect(await say('echo free')).toMatchObject({ out: 'free\n' });
  });
});

it('a plain process is entered by nobody, and says so', async () => {
  const open = await openDriver('process');
  if (!open) throw new Error('no driver');
  const prepared = await open.driver.prepare({ id: 'process-entered', cores: 1, memoryMB: 64 });
  const running = await prepared.start({ argv: ['sleep', '600'], env: { PATH: open.facts.path } });
  await expect(running.enter({ argv: ['true'] })).rejects.toThrow('it runs them as plain processes');
  await prepared.dispose();
  await open.close();
});
