import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { startPlatform } from '@fornax/testing/platform';

const VARIABLE = 'FORNAX_HOSTILE_PLATFORM';

const NODES = 2;

const PATIENCE_MS = 120_000;
const LOOK_MS = 200;

/** Specs compare the fleet before and after an attack: nodes that join meanwhile would look like one. */
const untilNodesJoined = async (apiUrl: string, token: string): Promise<void> => {
  for (const deadline = performance.now() + PATIENCE_MS; ; await setTimeout(LOOK_MS)) {
    // A connection of its own: specs in this process would be given one that the door has closed meanwhile.
    const asked = get(`${apiUrl}/fornax/v1/nodes`, { agent: false, headers: { authorization: token } });
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const body = await json(answer);
    const nodes = answer.statusCode === 200 ? (body as readonly { readonly status: string }[]) : [];
    if (nodes.filter(({ status }) => status === 'online').length === NODES) return;
    if (performance.now() > deadline) throw new Error(`${nodes.length} of ${NODES} nodes have joined`);
  }
};

/**
 * Jest's `globalSetup`: one platform with two nodes for the whole run. FORNAX_SERVICES=1 gives a process for each service. A spec that
 * breaks the platform on purpose, or needs other settings, starts one of its own with `startPlatform`.
 */
const setUp = async (): Promise<void> => {
  const { apiUrl, storageUrl, token, clientEnv, dataDir, stop } = await startPlatform({
    env: {
      FORNAX_LOG_LEVEL: 'warn',
      FORNAX_NODES: String(NODES),
      FORNAX_LOG_ARCHIVE_AFTER_MS: '1000',
      FORNAX_NODE_CORES: '2',
      FORNAX_NODE_INSTANCE_DISK_BYTES: '500000000',
      // Half of the usual times or less: specs wait until each of them is over.
      FORNAX_HTTP_REQUEST_TIMEOUT_MS: '15000',
      FORNAX_HTTP_KEEP_ALIVE_TIMEOUT_MS: '10000',
      FORNAX_HTTP_STALL_TIMEOUT_MS: '12000',
    },
  });
  await untilNodesJoined(apiUrl, token);
  const mode = process.env['FORNAX_SERVICES'] === '1' ? 'services' : 'platform';
  process.env[VARIABLE] = JSON.stringify({ apiUrl, storageUrl, token, clientEnv, dataDir, mode });
  Reflect.set(globalThis, 'fornaxStopHostilePlatform', stop);
};

export { setUp as default };
