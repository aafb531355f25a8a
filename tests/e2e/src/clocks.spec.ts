import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCES = ['apps', 'libs'] as const;
const TEST = /(spec|fixture|contract)\.ts$/;
/** The time of day on either side of a sign: a difference, a sum or a comparison. */
const RECKONED = /(Date|[cC]lock)\.now\(\) *(-|<|>|\+)|(-|<=?|[^=]>=?|\+) *(Date|(this\.)?[cC]lock)\.now\(\)/;

/**
 * Lines, at most, that reckon with what is dated for somebody else or outlives its process (ADR 0027). Before a file comes onto this list: does
 * it stay right when the clock is set by an hour, forwards and back?
 */
const DATED: Readonly<Record<string, number>> = {
  'apps/cli/src/commands/token.ts': 1,
  // Lists of deletions of other processes that name nothing any more, by their dates.
  'libs/object-store/src/local/deletions.ts': 1,
  // Files that a reindex sets aside, by their dates.
  'libs/object-store/src/local/local.object-store.ts': 1,
  'libs/identity/src/accounts/account-directory.ts': 2,
  'libs/services/node-registry/src/enrollment/node-tokens.ts': 1,
  'libs/services/node-registry/src/rpc/session-terms.ts': 1,
  'libs/services/snapshot/src/rpc/snapshot-grant.controller.ts': 1,
  // How long an instance has run by the log; an hour back is allowed for.
  'libs/services/snapshot/src/rpc/state-saved.controller.ts': 1,
  'libs/services/storage/src/door/door-checks.ts': 1,
  // Against the end of a job, which stands in the log.
  'libs/services/billing/src/queries/task-costs.ts': 1,
  // When another process goes on stands in the database, for all processes.
  'libs/services/submission/jobs/src/commands/staged-tasks.ts': 2,
  // When a session, a link and the token that made it end stands in the log, and is told to whoever has them.
  'libs/services/submission/people/src/open-id-sign-in.ts': 1,
  'libs/services/submission/people/src/sessions.ts': 3,
  'libs/services/submission/tasks/src/process-managers/due-objects.ts': 1,
  'libs/services/snapshot/src/process-managers/periodic-snapshots.ts': 1,
  // Against when the log took a commit; by a clock that is ahead, what leaves is younger than the rule wants, and lies in the archive nevertheless.
  'libs/event-store/src/leaving/leaving.ts': 1,
  // Against the times of files.
  'apps/node-agent/src/instance/kept-files.ts': 1,
};

const sourcesOf = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !TEST.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((path) => path.includes('/src/') && !/node_modules|\/dist\/|^libs\/testing\//.test(path));

describe('the time of day', () => {
  it('is reckoned with only where something is dated: silence, waits and durations are measured by a monotonic clock', () => {
    const found: string[] = [];
    for (const path of SOURCES.flatMap(sourcesOf)) {
      const lines = readFileSync(join(root, path), 'utf8').split('\n');
      const reckoned = lines.filter((line) => RECKONED.test(line) && !line.includes('performance.now'));
      if (reckoned.length > (DATED[path] ?? 0)) found.push(`${path}: ${reckoned.join(' ').trim()}`);
    }
    expect(found).toEqual([]);
  });
});
