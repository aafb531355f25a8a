import { api, bodyOf } from './client.ts';
import type { Read } from './wire.ts';

export type Health = Read<'/health'>;
export type Projection = Read<'/fornax/v1/projections'>[number];
export type LogArchive = Read<'/fornax/v1/log/archive'>;

/** A platform that is not ready says why with 503: that is an answer, too. */
export const readHealth = async (): Promise<Health> => {
  const { data, error } = await api.GET('/health');
  const answer: unknown = data ?? error;
  if (typeof answer === 'object' && answer !== null && 'reasons' in answer) return answer as Health;
  return bodyOf(api.GET('/health'));
};

export const readProjections = (): Promise<readonly Projection[]> => bodyOf(api.GET('/fornax/v1/projections'));

export const rebuild = ({ name, isDry }: { readonly name: string; readonly isDry: boolean }) =>
  bodyOf(
    api.POST('/fornax/v1/projections/{name}/rebuild', {
      params: { path: { name }, query: isDry ? { verify: 'true' } : {} },
    }),
  );

export const readArchive = (): Promise<LogArchive> => bodyOf(api.GET('/fornax/v1/log/archive'));
export const readLogState = () => bodyOf(api.GET('/fornax/v1/log/state'));
export const readQuarantine = () => bodyOf(api.GET('/fornax/v1/log/quarantine'));

export interface Verified {
  readonly commits: number;
  readonly to: number;
  readonly head: number;
  readonly damage: readonly string[];
}

/**
 * Compares each commit of the log with its checksum, part by part.
 * @param onStep told after each part
 */
export const verifyLog = async (signal: AbortSignal, onStep: (verified: Verified) => void): Promise<void> => {
  let [from, commits] = [1, 0];
  const damage: string[] = [];
  while (!signal.aborted) {
    const part = await bodyOf(api.GET('/fornax/v1/log/verify', { params: { query: { from } }, signal }));
    commits += part.commits;
    damage.push(...part.damage.map((one) => `${one.from} to ${one.through}: ${one.reason}`));
    onStep({ commits, to: part.to, head: part.head, damage: [...damage] });
    if (part.to >= part.head || part.to < from) return;
    from = part.to + 1;
  }
};
