/** Injection tokens of the storage service. */
export const STORAGE_CONFIG = Symbol('fornax.storage.config');
export const OBJECT_STORE = Symbol('fornax.storage.object-store');

/** What this service uses of the process's logger. */
export interface ServiceLogger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
