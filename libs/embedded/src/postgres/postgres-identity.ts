import { chown, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../process/run-command.js';
import { SetupError } from '../process/setup-error.js';

/**
 * How to run PostgreSQL, which refuses to run as root and wants to own its data folder. `command` goes in front of the
 * program and its arguments; `owner` is who must own the data folder.
 */
export interface PostgresIdentity {
  readonly kind: 'self' | 'user-namespace' | 'changed-user';
  readonly command: readonly string[];
  readonly owner: { readonly uid: number; readonly gid: number };
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const parseAccounts = (passwd: string): readonly Account[] =>
  passwd.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name === undefined || uid === undefined || gid === undefined
      ? []
      : [{ name, uid: Number(uid), gid: Number(gid) }];
  });

/** The accounts that PostgreSQL may appear as when we are root, best first. initdb insists that the account has a name. */
const PREFERRED_ACCOUNTS = ['postgres', 'nobody', 'daemon'];

/**
 * The ways to run it, best first. An ordinary user with a name simply runs it. Root maps itself to an unprivileged user in a user
 * namespace: files stay root's, so it works in folders that nobody else may enter. Where namespaces are forbidden, root changes
 * to that user for real, keeping only the right to pass through closed folders (a data folder under /root needs it).
 */
export const identityCandidates = (
  self: { readonly uid: number; readonly gid: number },
  passwd: string,
): readonly PostgresIdentity[] => {
  const accounts = parseAccounts(passwd);
  if (self.uid !== 0 && accounts.some(({ uid }) => uid === self.uid))
    return [{ kind: 'self', command: [], owner: self }];
  const account = PREFERRED_ACCOUNTS.map((name) => accounts.find((one) => one.name === name)).find(
    (one) => one !== undefined,
  );
  const { uid, gid } = account ?? { uid: 65_534, gid: 65_534 };
  const namespace: PostgresIdentity = {
    kind: 'user-namespace',
    command: ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'],
    owner: self,
  };
  if (self.uid !== 0) return [namespace, { kind: 'self', command: [], owner: self }];
  const changed = (...rights: readonly string[]): PostgresIdentity => ({
    kind: 'changed-user',
    command: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...rights, '--'],
    owner: { uid, gid },
  });
  return [namespace, changed('--inh-caps=+dac_override', '--ambient-caps=+dac_override'), changed()];
};

/** Gives a folder and all in it to another user, if it is not theirs already. */
const giveTo = async (folder: string, owner: PostgresIdentity['owner']): Promise<void> => {
  const { uid, gid } = await stat(folder);
  if (uid === owner.uid && gid === owner.gid) return;
  for (const entry of await readdir(folder, { recursive: true }))
    await chown(join(folder, entry), owner.uid, owner.gid);
  await chown(folder, owner.uid, owner.gid);
};

/**
 * The first way that works here for this program and this folder, tried for real. The folder belongs to the right user afterwards.
 * @throws SetupError none works
 */
export const choosePostgresIdentity = async (postgres: string, dataDir: string): Promise<PostgresIdentity> => {
  const self = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  const candidates = identityCandidates(self, await readFile('/etc/passwd', 'utf8').catch(() => ''));
  const reasons: string[] = [];
  for (const candidate of candidates) {
    await giveTo(dataDir, candidate.owner);
    const check = [
      'sh',
      '-c',
      'test -w "$1" && test -O "$1" && cd "$1" && exec "$2" --version',
      'sh',
      dataDir,
      postgres,
    ];
    const [program = 'sh', ...args] = [...candidate.command, ...check];
    const result = await runCommand(program, args, { timeoutMs: 10_000 });
    if (result.code === 0) return candidate;
    reasons.push(`${candidate.kind}: ${result.stderr.trim().split('\n').at(-1) || `code ${result.code}`}`);
  }
  throw new SetupError(
    `PostgreSQL cannot run here in ${dataDir} (${reasons.join('; ')}).`,
    'Run Fornax as an ordinary user, put FORNAX_DATA_DIR where every user may enter (not below /root), or set FORNAX_DATABASE_URL.',
  );
};
