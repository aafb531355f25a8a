import { readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, describe, expect, it } from '@jest/globals';

import { openDriver, openLevels } from './driver.fixture.js';

const levels = await openLevels(['bubblewrap', 'unshare', 'process']);
afterAll(() => Promise.all(levels.map(([, opened]) => opened?.close())));

const file = (path: string, content: string) => ({ path, content: Buffer.from(content) });

describe.each(levels)('secrets of an instance at the level %s', (level, opened) => {
  const test = opened ? it : it.skip;
  let count = 0;
  const prepare = async () => {
    if (!opened) throw new Error('this machine does not have the level');
    return opened.driver.prepare({ id: `secrets-${level}-${(count += 1)}`, cores: 1, memoryMB: 512 });
  };
  const run = async (prepared: Awaited<ReturnType<typeof prepare>>, script: string) => {
    const env = { PATH: opened?.facts.path ?? '', DIR: prepared.paths.secrets };
    const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env });
    const [out, err] = await Promise.all([text(running.stdout), text(running.stderr), running.exit]);
    return { out, err };
  };

  test('are files in memory that it alone may read, and not change', async () => {
    // The second one is a sandbox that was made before it was needed.
    for (let one = 0; one < 2; one += 1) {
      const prepared = await prepare();
      await prepared.putSecrets([file('lab/license', 'hush\0\n'), file('top', ''), file('lab/sub/x', 'x')]);
      const script = `cd "$DIR"; find . -type f | sort; stat -c '%a %u' lab/license; id -u; stat -f -c %T .; od -An -c lab/license; (echo y > new) 2>/dev/null || echo no`;
      const { out } = await run(prepared, script);
      const [a, b, c, mode = '', uid, type, content, last] = out.split('\n');
      expect([a, b, c]).toEqual(['./lab/license', './lab/sub/x', './top']);
      expect(mode).toBe(`400 ${uid}`);
      expect(type).toBe('tmpfs');
      expect(content?.replaceAll(/ +/g, ' ')).toBe(' h u s h \\0 \\n');
      // A plain process of the agent's own user may do what the agent may.
      if (level !== 'process' || prepared.hasOwnUser) expect(last).toBe('no');
      await prepared.dispose();
    }
  });

  test('are replaced while it runs, whatever it does to its own files', async () => {
    const prepared = await prepare();
    await prepared.putSecrets([file('a/b', 'one')]);
    const env = { PATH: opened?.facts.path ?? '', DIR: prepared.paths.secrets };
    const script =
      'chmod 600 "$DIR/a/b" 2>/dev/null; until grep -q two "$DIR/a/b" 2>/dev/null; do sleep 0.05; done; cat "$DIR/a/b"';
    const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env });
    await prepared.putSecrets([file('a/b', 'two')]);
    expect(await text(running.stdout)).toBe('two');
    await running.exit;
    await prepared.dispose();
  });

  test('are nobody else’s, and gone with it', async () => {
    const [one, other] = [await prepare(), await prepare()];
    await one.putSecrets([file('mine', 'hush-hush')]);
    const seen = await run(other, 'ls -A "$DIR"; grep -rs hush-hush /dev/shm /run /.fornax /.fornax-secrets');
    // Plain processes of one user see each other's files, which their level says.
    if (level !== 'process' || other.hasOwnUser) expect(seen.out).toBe('');
    await Promise.all([one.dispose(), other.dispose()]);
    // Those of other users, say of a node that is root, are closed to this one.
    const isOwn = (name: string): boolean => statSync(`/dev/shm/${name}`).uid === process.getuid?.();
    const left = readdirSync('/dev/shm').filter((name) => name.startsWith('fornax-') && isOwn(name));
    const own = left.flatMap((name) => readdirSync(`/dev/shm/${name}`)).filter((name) => name.startsWith('secrets-'));
    expect(own).toEqual([]);
    for (const name of left) expect(statSync(`/dev/shm/${name}`).mode & 0o022).toBe(0);
  });

  test('share what the node has for them: who finds none waits until another one is gone', async () => {
    const small = await openDriver(level, { secretsBytes: 20_000 });
    if (!small) throw new Error('this machine does not have the level');
    const [one, other] = await Promise.all(
      ['one', 'other'].map((id) => small.driver.prepare({ id: `room-${level}-${id}`, cores: 1, memoryMB: 512 })),
    );
    if (!one || !other) throw new Error('they were prepared');
    await expect(one.putSecrets([file('much', 'x'.repeat(20_000))])).rejects.toThrow('20000');
    await one.putSecrets([file('a', 'x'.repeat(12_000))]);
    let isThere = false;
    const waits = other.putSecrets([file('b', 'x'.repeat(12_000))]).then(() => (isThere = true));
    await one.putSecrets([file('a', 'x'.repeat(12_001))]);
    expect(isThere).toBe(false);
    await one.dispose();
    await waits;
    await other.dispose();
    await small.close();
  }, 30_000);

  /** What is said at some sockets, or why nothing is. */
  const connectTo = (sockets: string): string =>
    `python3 -c '
import errno, socket, sys
for path in sys.argv[1:]:
  try:
    door = socket.socket(socket.AF_UNIX)
    door.connect(path)
    print(door.recv(100).decode(), flush=True)
    door.recv(100)
  except OSError as error: print(errno.errorcode[error.errno], flush=True)
' ${sockets}`;

  test('can be asked for through a socket that it alone may connect to, until it is gone', async () => {
    const [one, other] = [await prepare(), await prepare()];
    const server = createServer((connection) => connection.write('hush'));
    await one.putSecrets([file('.fornax.sock', 'no file'), file('.fornax.sock/below', 'no folder'), file('a', 'x')]);
    await one.serveSecrets(server);
    const listens = new Promise((resolve) => server.once('close', resolve));
    // Connections stay open until they are closed by the one who serves: the command ends with them.
    const script = `ls -A "$DIR"; ${connectTo('"$DIR/.fornax.sock"')}`;
    const env = { PATH: opened?.facts.path ?? '', DIR: one.paths.secrets };
    const running = await one.start({ argv: ['/bin/sh', '-c', script], env });
    let said = '';
    for await (const chunk of running.stdout) {
      said += String(chunk);
      if (said.includes('hush')) break;
    }
    expect(said).toBe('.fornax.sock\na\nhush\n');
    // Plain processes of one user reach each other's sockets, which their level says.
    if (level !== 'process' || other.hasOwnUser) {
      const seen = await run(other, connectTo(`"$DIR/.fornax.sock" ${String(server.address())}`));
      expect(seen.out).toMatch(/^((ENOENT|EACCES)\n){2}$/);
    }
    await one.dispose();
    await listens;
    await other.dispose();
  }, 30_000);
});
