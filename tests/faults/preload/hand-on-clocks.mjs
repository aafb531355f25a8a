// Loaded into the launcher (`node --import`): each process that it starts with the same Node.js gets a clock of its own that a test can set
// (`testClock` of @fornax/testing). Which file it is stands in <folder>/of-<pid>.
import childProcess from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const { searchParams } = new URL(import.meta.url);
const folder = searchParams.get('folder') ?? '';
const clock = searchParams.get('clock') ?? '';

const { spawn } = childProcess;
childProcess.spawn = (file, args, options) => {
  if (file !== process.execPath || !Array.isArray(args)) return spawn(file, args, options);
  mkdirSync(folder, { recursive: true });
  const setting = join(folder, randomUUID());
  const env = { ...(options?.env ?? process.env), FORNAX_TEST_CLOCK_FILE: setting };
  const child = spawn(file, ['--import', clock, ...args], { ...options, env });
  if (child.pid !== undefined) writeFileSync(join(folder, `of-${child.pid}`), setting);
  return child;
};
syncBuiltinESMExports();
