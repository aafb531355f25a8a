import type { createLogger } from '@fornax/base';

export type Logger = ReturnType<typeof createLogger>;
