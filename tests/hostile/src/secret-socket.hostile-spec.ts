import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WireSecretAccesses } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { expectOk } from './call.js';
import { newPerson, type Person } from './people.js';
import { platform, readRuntime } from './platform.js';
import { ask, endOf, runScript, submitScript } from './run-script.js';

const SLOW_MS = 120_000;
const VALUE = 'zqnobodyelse0816';
const KEY = 'hostile/socket';
const rights = { secretsAccessRights: { bySecret: [{ key: KEY }], byPrefix: [] } };

/** A client of the socket: `asks(path)` gives status and body. */
const CLIENT = `
import collections, glob, http.client, json, os, socket, time
class Client(http.client.HTTPConnection):
    def __init__(self, path): super().__init__('secrets', timeout=10); self.path = path
    def connect(self): self.sock = socket.socket(socket.AF_UNIX); self.sock.connect(self.path)
def asks(client, path):
    client.request('GET', path)
    answer = client.getresponse()
    return answer.status, answer.read().decode()
`;
/** Without the numbers of the instances that printed them. */
const linesOf = (output: string): readonly string[] =>
  output
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\d+> /, ''));
const python = (program: string): string => `exec python3 - <<'PY'\n${CLIENT}${program}\nPY\n`;

/** Says where its socket is, answers itself once, and stays. */
const HOLDER = python(`
path = os.environ['QARNOT_SECRETS_SOCKET']
print('socket', path, asks(Client(path), '/data/${KEY}')[0], flush=True)
time.sleep(600)
`);

/** Asks for twelve seconds as fast as it can. */
const FLOOD = python(`
path = os.environ['QARNOT_SECRETS_SOCKET']
seen, body, client, until = collections.Counter(), '', Client(path), time.monotonic() + 12
while time.monotonic() < until:
    try:
        status, text = asks(client, '/data/${KEY}')
        seen[status] += 1
        if status == 429: body = text
    except (OSError, http.client.HTTPException): client.close()
print(json.dumps([seen, json.loads(body)]))
`);

/** Tries every socket that it sees, and the one that it was told of. */
const THIEF = python(`
told = os.environ['TOLD']
paths = {told, *glob.glob('/proc/*/root' + told)}
for folder, names, files in os.walk('/', onerror=None):
    if folder == '/proc' or folder == '/sys': names.clear()
    paths.update(os.path.join(folder, file) for file in files if file.startswith('.fornax'))
own = os.environ.get('QARNOT_SECRETS_SOCKET')
for path in sorted(paths):
    try: status, text = asks(Client(path), '/data/${KEY}')
    except (OSError, http.client.HTTPException): continue
    print('reached', 'own' if path == own or path.endswith('/.fornax.sock') and path.startswith('/proc/self') else path, status, text[:40])
print('tried', len(paths) > 0)
`);

describe('the socket by which an instance asks for its secrets', () => {
  let [holder, path] = ['', ''];
  let stranger: Person;

  beforeAll(async () => {
    await ask(platform, 'PUT', `/secrets-manager/data/${KEY}`, { value: VALUE });
    stranger = await newPerson('user');
    holder = await submitScript(platform, HOLDER, {}, rights);
    [, path = ''] = await eventually(
      async () => /socket (\S+) 200$/m.exec(await ask(platform, 'GET', `/tasks/${holder}/stdout`)) ?? false,
      { timeoutMs: 60_000 },
    );
  }, SLOW_MS);
  afterAll(async () => {
    await ask(platform, 'DELETE', `/tasks/${holder}`);
    await ask(platform, 'DELETE', `/secrets-manager/data/${KEY}`);
  });

  const accesses = async (task: string) =>
    (JSON.parse(await ask(platform, 'GET', `/fornax/v1/secrets/accesses?taskUuid=${task}`)) as WireSecretAccesses)
      .accesses;

  it(
    'is reached by no other instance, whoever it belongs to',
    async () => {
      // Two of each: both nodes, one of which has the holder, take some.
      const thieves = [
        platform,
        platform,
        { ...platform, token: stranger.token },
        { ...platform, token: stranger.token },
      ];
      const said = await Promise.all(thieves.map((target) => runScript(target, THIEF, { TOLD: path })));
      for (const text of said) {
        expect(text).not.toContain(VALUE);
        expect(linesOf(text).filter((line) => !line.startsWith('reached own 404 '))).toEqual(['tried True']);
      }
    },
    SLOW_MS,
  );

  it(
    'answers an instance that asks without end with 429, while its node works for others, and fills no log',
    async () => {
      const { logs } = await readRuntime();
      const sizes = async () =>
        (await Promise.all(Object.values(logs).map(async (file) => (await stat(file)).size))).reduce(
          (a, b) => a + b,
          0,
        );
      const before = await sizes();
      const floods = await Promise.all([1, 2].map(() => submitScript(platform, FLOOD, {}, rights)));
      // Beside them both nodes run something to its end.
      expect(await runScript(platform, 'echo beside')).toContain('beside');
      for (const flood of floods) {
        expect(await endOf(platform, flood)).toBe('Success');
        const [seen, refusal] = JSON.parse(linesOf(await ask(platform, 'GET', `/tasks/${flood}/stdout`)).join('')) as [
          Readonly<Record<string, number>>,
          object,
        ];
        expect(Object.keys(seen).sort()).toEqual(['200', '429']);
        expect(seen['200']).toBeLessThan(30 + 60);
        expect(seen['429']).toBeGreaterThan(seen['200'] ?? 0);
        expect(refusal).toEqual({ code: 'too-many-requests', message: expect.any(String) });
        // Once as what it was given at its start, once as what it asked for.
        expect((await accesses(flood)).map(({ way, version }) => [way, version])).toEqual([
          ['request', 1],
          ['start', 1],
        ]);
      }
      expect((await sizes()) - before).toBeLessThan(100_000);
    },
    SLOW_MS,
  );

  it('tells nobody else who was given the secret', async () => {
    const asked = `/fornax/v1/secrets/accesses?taskUuid=${holder}`;
    expect(await expectOk('GET', asked, { token: stranger.token })).toEqual({ accesses: [], next: null });
    expect(await accesses(holder)).toHaveLength(2);
  });
});
