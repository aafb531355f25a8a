import { Controller } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { nodeRpcPattern, outputReadRequestSchema, parseNodeRpcSubject, type OutputReadReply } from '@fornax/contracts';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import { LogIngest } from '../followers/log-ingest.js';
import { OutputArchiver } from '../model/output-archiver.js';
import { IngestedOutput } from '../model/ingested-output.js';

const WAIT_MS = 2_000;

/** Tells nodes how far their output was read, and so how much more they may send. */
@Controller()
export class OutputReadController {
  /** Nodes with a request that waits: of each one at most, whatever it sends. */
  private readonly waiting = new Set<string>();

  constructor(
    private readonly ingest: LogIngest,
    private readonly output: IngestedOutput,
    private readonly archiver: OutputArchiver,
  ) {}

  @RpcHandler(nodeRpcPattern('output-read'))
  async answer(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<OutputReadReply> {
    const { reach, tasks } = parseInput(outputReadRequestSchema, payload);
    const node = parseNodeRpcSubject(context.getSubject());
    const windowBytes = this.output.window.of(node, performance.now());
    if (this.waiting.has(node)) return { read: this.output.progress.position, windowBytes, held: [] };
    this.waiting.add(node);
    try {
      const read = await this.ingest.readUpTo(reach, WAIT_MS);
      return { read, windowBytes, held: [...(await this.archiver.behindAmong(tasks))] };
    } finally {
      this.waiting.delete(node);
    }
  }
}
