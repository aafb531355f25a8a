export * from './subjects.js';
export * from './events/commit.js';
export * from './work/dispatch.js';
export * from './work/reports.js';
export * from './work/rpc.js';
