import { startTelemetry } from './telemetry/start-telemetry.js';

/** Loaded before everything else by `node --import @fornax/service-kit/telemetry`. */
startTelemetry({
  service: process.env['FORNAX_SERVICE_NAME'] ?? 'service',
  otlpEndpoint: process.env['FORNAX_OTLP_ENDPOINT'],
});
