export {
  startTelemetry,
  type MetricsAnswer,
  type Telemetry,
  type TelemetryOptions,
} from './telemetry/start-telemetry.js';
