import { z } from 'zod';

import { PullProgress } from './pull-progress.js';

/** What an engine says while it pulls; Docker and Podman name a layer by the first twelve digits of its digest. */
const eventSchema = z.object({
  id: z.string(),
  status: z.string(),
  progressDetail: z.object({ current: z.number().nonnegative().optional() }).optional(),
});

/** That a layer is unpacked, or was there. Podman does not say the former: it unpacks when all have come. */
const UNPACKED: readonly string[] = ['Pull complete', 'Already exists'];
/** That all of it has come. */
const HERE: readonly string[] = [...UNPACKED, 'Download complete'];
const SHORT = 12;

/** How far an engine is with an image, from what it says of each layer. What it says of anything else is not heard. */
export class EnginePull {
  readonly #progress: PullProgress;
  readonly #layers: ReadonlyMap<string, { readonly size: number; came: number; isOver: boolean }>;

  constructor(
    words: string,
    layers: readonly { readonly digest: string; readonly size: number }[],
    tell: (text: string) => void,
  ) {
    const name = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, SHORT);
    this.#layers = new Map(layers.map(({ digest, size }) => [name(digest), { size, came: 0, isOver: false }]));
    const distinct = [...this.#layers.values()];
    const bytes = distinct.reduce((sum, { size }) => sum + size, 0);
    this.#progress = new PullProgress(words, { bytes, layers: distinct.length }, tell);
  }

  hear(said: unknown): void {
    const { data: event } = eventSchema.safeParse(said);
    const layer = event && this.#layers.get(event.id);
    if (!event || !layer || layer.isOver) return;
    const came = HERE.includes(event.status)
      ? layer.size
      : event.status === 'Downloading'
        ? Math.min(layer.size, event.progressDetail?.current ?? 0)
        : layer.came;
    this.#progress.came(came - layer.came);
    layer.came = came;
    if (!UNPACKED.includes(event.status)) return;
    layer.isOver = true;
    this.#progress.unpacked();
  }
}
