import { ConfigError, type Logger } from '@fornax/base';
import type { LoggerService } from '@nestjs/common';

const textOf = (message: unknown): string =>
  message instanceof Error ? message.message : typeof message === 'string' ? message : JSON.stringify(message);

/** Nest's own messages, as structured logs. Its chatter at start is for debugging. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: readonly unknown[]): void {
    this.logger.debug({ context: rest.at(-1) }, textOf(message));
  }

  warn(message: unknown, ...rest: readonly unknown[]): void {
    this.logger.warn({ context: rest.at(-1) }, textOf(message));
  }

  error(message: unknown, ...rest: readonly unknown[]): void {
    // Nest tells of it and throws it on; whoever starts the process says it to people, without a stack.
    if (message instanceof ConfigError) return;
    const details = message instanceof Error ? { err: message } : { stack: rest.length > 1 ? rest[0] : undefined };
    this.logger.error({ ...details, context: rest.at(-1) }, textOf(message));
  }

  fatal(message: unknown, ...rest: readonly unknown[]): void {
    this.logger.fatal({ context: rest.at(-1) }, textOf(message));
  }

  debug(message: unknown, ...rest: readonly unknown[]): void {
    this.logger.debug({ context: rest.at(-1) }, textOf(message));
  }

  verbose(message: unknown, ...rest: readonly unknown[]): void {
    this.logger.trace({ context: rest.at(-1) }, textOf(message));
  }
}
