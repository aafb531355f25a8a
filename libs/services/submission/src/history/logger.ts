import type { createLogger } from '@fornax/service-kit';

export type Logger = ReturnType<typeof createLogger>;
