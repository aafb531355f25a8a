/** Has a root's machine run programs as an ordinary user. Plain JavaScript without dependencies: tools/test.mjs uses it. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NOBODY = 65_534;
/** Debian lets everybody open it; where it is root's alone, as in some containers, nobody else gets a way out. The copy is seen by these programs only. */
const WITH_TUN = `tun=/dev/net/tun
own=$(mktemp -u "$TMPDIR/tun-XXXXXX")
if [ -c $tun ] && mknod -m 666 "$own" c 10 200; then mount --bind "$own" $tun; fi 2>/dev/null
exec "$@"`;

/**
 * @param {string} node the program that is to be run, which that user has to be able to reach
 * @returns what stands before its command line, the environment that it needs (a home and a folder for files of its own), and what removes that again;
 * or the reason why nothing can be run so
 */
export const ordinaryUser = (node) => {
  // Who is one already.
  if (process.getuid?.() !== 0) return { prefix: [], env: {}, close: () => undefined };
  const home = mkdtempSync(join(tmpdir(), 'fornax-ordinary-'));
  chownSync(home, NOBODY, NOBODY);
  const env = { HOME: home, TMPDIR: home };
  const become = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
  const prefix = ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', WITH_TUN, 'sh', ...become];
  const close = () => rmSync(home, { recursive: true, force: true });
  try {
    const [program, ...args] = [...prefix, node, '-e', 'process.exit(0)'];
    execFileSync(program, args, { stdio: 'pipe', env: { ...process.env, ...env } });
  } catch (error) {
    close();
    return { reason: `user ${NOBODY} cannot run ${node}: ${String(error.stderr ?? error).trim()}` };
  }
  return { prefix, env, close };
};
