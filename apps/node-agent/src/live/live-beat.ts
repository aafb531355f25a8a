import { type LiveInstance, type LiveMessage, liveSubject, MAX_LIVE_INSTANCES } from '@fornax/contracts';

import type { Hardware } from '../hardware/hardware.js';
import { type Frequency, readFrequency } from './frequency.js';

const INTERVAL_MS = 1_000;

/** An instance that can be looked at. */
export interface Measurable {
  /** Looks at its processes now. Never rejects. */
  measure(): Promise<void>;
  /** Undefined when there is nothing to tell (any more). */
  live(): LiveInstance | undefined;
}

export interface LiveBeatOptions {
  readonly nodeId: string;
  readonly hardware: Hardware;
  /** The node's session; without one nothing is told. */
  readonly epoch: () => number | undefined;
  readonly instances: () => Iterable<Measurable>;
  readonly publish: (subject: string, text: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Tells once a second, in one message, what the instances of this node do. Nothing is stored, and nothing is sent again. */
export class LiveBeat {
  #frequency: Frequency;
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;
  /** The last message told of instances: when they are gone, one more says so. */
  #hasTold = false;

  constructor(private readonly options: LiveBeatOptions) {
    const { ghz } = options.hardware;
    this.#frequency = { ghz, maxGhz: ghz };
  }

  /** Frequency of the cores, as last read. */
  get ghz(): number {
    return this.#frequency.ghz;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#beat(), INTERVAL_MS);
    void this.#readFrequency().catch(this.options.onError);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #readFrequency(): Promise<void> {
    this.#frequency = await readFrequency(this.options.hardware.ghz);
  }

  async #beat(): Promise<void> {
    const instances = [...this.options.instances()];
    // A look that takes longer than a second is not overtaken by the next.
    if (this.#isBusy || (instances.length === 0 && !this.#hasTold)) return;
    this.#isBusy = true;
    try {
      await this.#readFrequency();
      await Promise.all(instances.map((instance) => instance.measure()));
      this.#tell(instances);
    } catch (error) {
      this.options.onError(error);
    } finally {
      this.#isBusy = false;
    }
  }

  #tell(instances: readonly Measurable[]): void {
    const { nodeId, hardware, epoch, publish } = this.options;
    const nodeEpoch = epoch();
    const alive = instances.flatMap((instance) => instance.live() ?? []);
    if (nodeEpoch === undefined || (alive.length === 0 && !this.#hasTold)) return;
    this.#hasTold = alive.length > 0;
    const message: LiveMessage = {
      nodeEpoch,
      specificationKey: hardware.specificationKey,
      cpuModel: hardware.cpuModel,
      cores: hardware.cores,
      ...this.#frequency,
      instances: alive.slice(0, MAX_LIVE_INSTANCES),
    };
    publish(liveSubject(nodeId), JSON.stringify(message));
  }
}
