import { performance } from 'node:perf_hooks';
import { encodeSegment, openSegment, type ArchivedMessage } from '@fornax/event-store';

const SEGMENT_BYTES = 8 * 1024 * 1024;

/** A commit as they are: JSON that says much of the same, and ids that nothing else says. */
const commitOf = (sequence: number): ArchivedMessage => {
  const id = `${sequence}-${(sequence * 48_271) % 2_147_483_647}-${(sequence * 16_807) % 2_147_483_647}`;
  const attempts = Array.from({ length: 5 }, (_, instance) => ({
    instance,
    leaseId: `${id}-${instance}`,
    attempt: 1,
    node: `node-${sequence % 50}`,
    outcome: 'success',
    startedAt: 1_795_000_000_000 + sequence,
    endedAt: 1_795_000_000_900 + sequence * 3,
    cores: 1,
  }));
  const data = [
    { specversion: '1.0', id, type: 'fornax.InstancesConcluded.v1', actor: 'service:scheduler', data: { attempts } },
  ];
  return {
    sequence,
    timeNs: BigInt(sequence) * 1_000_000n,
    subject: `fx.ev.task.${id}`,
    headers: [['Nats-Msg-Id', `fx.ev.task.${id}/${id}`]],
    data: Buffer.from(JSON.stringify(data)),
  };
};

/** Archives some segments in memory, and verifies them: MB of commits a second. */
export const verifySegments = async (
  segments: number,
): Promise<{ readonly verified: number; readonly archived: number; readonly packedTo: number }> => {
  let [next, plain, packed, archiveMs, verifyMs] = [1, 0, 0, 0, 0];
  let previous = '0'.repeat(64);
  for (let number = 1; number <= segments; number += 1) {
    const messages: ArchivedMessage[] = [];
    const from = next;
    for (let bytes = 0; bytes < SEGMENT_BYTES; next += 1) {
      const message = commitOf(next);
      messages.push(message);
      bytes += message.data.length;
    }
    let begun = performance.now();
    const about = { epoch: 'bench', number, previous, from, to: next - 1, missing: [] };
    const { bytes, hash } = await encodeSegment(about, messages);
    archiveMs += performance.now() - begun;
    begun = performance.now();
    for await (const batch of openSegment(bytes).read()) for (const { data } of batch) plain += data.length;
    verifyMs += performance.now() - begun;
    packed += bytes.length;
    previous = hash;
  }
  const perSecond = (ms: number): number => plain / 1_000 / ms;
  return { verified: perSecond(verifyMs), archived: perSecond(archiveMs), packedTo: packed / plain };
};
