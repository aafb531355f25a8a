import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../waiting/eventually.js';
import { type RunRecorder, startRunRecorder } from './run-recorder.js';

describe('the recorder of runs', () => {
  let recorder: RunRecorder;
  const children: ChildProcess[] = [];

  /** As a node would. */
  const runOn = (command: string, instance: number): ChildProcess => {
    const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
      env: { PATH: process.env['PATH'], INSTANCE_ID: String(instance) },
      stdio: 'ignore',
    });
    children.push(child);
    return child;
  };

  beforeEach(async () => {
    recorder = await startRunRecorder();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await recorder.close();
  });

  it('sees a run from its first word to its last, and what it noted', async () => {
    runOn(recorder.commandOf('a-task', { lastsMs: 0, script: 'note a checksum' }), 3);
    await eventually(() => recorder.runs()[0]?.isOpen === false);
    const [run] = recorder.runs();
    expect(run).toMatchObject({ key: 'a-task', instance: 3, isDone: true, notes: ['a checksum'] });
    expect(run?.until).toBeGreaterThanOrEqual(run?.from ?? Infinity);
  });

  it('holds a run until it is released', async () => {
    const child = runOn(recorder.commandOf('held', { lastsMs: 'held' }), 0);
    const first = await eventually(() => recorder.runs()[0]);
    await eventually(() => (recorder.runs()[0]?.until ?? 0) > first.until);
    expect(child.exitCode).toBeNull();
    recorder.release('held');
    await eventually(() => recorder.runs()[0]?.isDone === true);
  });

  it('sees that a run was killed: over, and not done', async () => {
    const child = runOn(recorder.commandOf('killed', { lastsMs: 'held' }), 0);
    await eventually(() => recorder.runs().length === 1);
    child.kill('SIGKILL');
    await eventually(() => recorder.runs()[0]?.isOpen === false);
    expect(recorder.runs()[0]).toMatchObject({ isDone: false });
  });

  it('refuses a script that its quotes would not hold', () =>
    expect(() => recorder.commandOf('a', { lastsMs: 0, script: "echo 'x'" })).toThrow('single quotes'));
});
