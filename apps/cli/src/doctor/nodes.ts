import type { FleetNode } from '@fornax/client';
import type { Finding } from './finding.js';

const SILENT_MS = 30_000;

const judgeNode = (
  { id, status, driver, warnings, diskFullSince, lastHeartbeat }: FleetNode,
  now: number,
): readonly Finding[] => {
  const isOnline = status === 'online';
  const silentMs = lastHeartbeat === null ? 0 : now - Date.parse(lastHeartbeat);
  const [kind, level] = driver.split('/');
  return [
    ...(status === 'lost'
      ? [
          {
            check: 'nodes',
            verdict: 'warning',
            found: `${id} is ${status}`,
            ways: [
              `Start its agent, or say that it is gone for good: fornax node events ${id}; fornax node retire ${id}.`,
            ],
          } as const,
        ]
      : []),
    ...(isOnline && silentMs > SILENT_MS
      ? [
          {
            check: 'nodes',
            verdict: 'warning',
            found: `nothing was heard of ${id} for ${Math.round(silentMs / 1000)} s`,
            ways: [`Look at its agent and the network to NATS: fornax node events ${id}.`],
          } as const,
        ]
      : []),
    ...(diskFullSince === null || diskFullSince === undefined
      ? []
      : [
          {
            check: 'disk',
            verdict: 'problem',
            found: `the disk of ${id} has been full since ${diskFullSince}, so it is given nothing new`,
            ways: ["Make room in the node's folder (FORNAX_NODE_DIR)."],
          } as const,
        ]),
    ...(kind !== 'sandbox'
      ? []
      : level === 'process'
        ? [
            {
              check: 'sandbox',
              verdict: 'problem',
              found: `${id} runs instances as plain processes: they see the files, processes and network of that machine`,
              ways: [
                'Install bubblewrap there (apt-get install bubblewrap), unset FORNAX_NODE_SANDBOX, and start its agent anew.',
              ],
            } as const,
          ]
        : [{ check: 'sandbox', verdict: 'ok', found: `${id} keeps instances apart (${level ?? driver})` } as const]),
    ...(level === 'process' ? [] : warnings).map((text): Finding => ({
      check: 'sandbox',
      verdict: 'warning',
      found: `${id}: ${text}`,
    })),
  ];
};

/** How strongly nodes keep instances apart, whether they are there, and what they say of themselves. @param now by the platform's clock, about */
export const judgeNodes = (nodes: readonly FleetNode[], now: number): readonly Finding[] => {
  const present = nodes.filter(({ status }) => status !== 'retired');
  if (!present.some(({ status }) => status === 'online'))
    return [
      {
        check: 'nodes',
        verdict: 'problem',
        found: present.length === 0 ? 'there are none, so nothing runs' : `none of ${present.length} takes work`,
        ways: [
          present.some(({ status }) => status === 'draining')
            ? 'End a drain: fornax node resume <node>.'
            : 'Join one: docs/how-to/add-a-node.md; npm start has one unless FORNAX_NODES=0.',
        ],
      },
      ...present.flatMap((node) => judgeNode(node, now)),
    ];
  return [
    {
      check: 'nodes',
      verdict: 'ok',
      found: `${present.filter(({ status }) => status === 'online').length} of ${present.length} take work`,
    },
    ...present.flatMap((node) => judgeNode(node, now)),
  ];
};
