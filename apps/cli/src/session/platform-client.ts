/** What talks to the platform, and no more of the library: it is read when a command begins to run. */
export { ApiError, FornaxClient } from '@fornax/client';
