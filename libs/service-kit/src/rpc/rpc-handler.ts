import { MessagePattern, Transport } from '@nestjs/microservices';

/** All replicas that answer a subject share its queue group, so that one of them gets each request. */
export const RPC_QUEUE = 'fornax';

/**
 * A method of a Nest controller that answers requests on a subject: `(payload: unknown, context: NatsContext)`; `context.getSubject()`
 * is the real subject when the pattern has wildcards. What it returns is the reply; a FornaxError or a rejection it throws becomes
 * `{"error": {"code", "message"}}`.
 */
export const RpcHandler = (subject: string): MethodDecorator =>
  MessagePattern(subject, Transport.NATS, { queue: RPC_QUEUE });
