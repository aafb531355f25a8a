import type { connectNats } from '@fornax/event-store';

export type NatsConnection = Awaited<ReturnType<typeof connectNats>>;
