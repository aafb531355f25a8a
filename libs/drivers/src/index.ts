export * from './driver.js';
export { splitWords, UnbalancedQuote } from './command/split-words.js';
export { MAX_VALUE_BYTES, resolveConstants, substitute, SubstitutionTooLong } from './command/substitute.js';
export { SandboxDriver, type SandboxOptions } from './sandbox/sandbox.driver.js';
