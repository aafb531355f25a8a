/**
 * The JetStream API subjects on which followers ask, all of them: who restricts a service's rights finds them here. The management of
 * consumers goes through the client's manager, which uses `STREAM.INFO`, `CONSUMER.INFO`, `CONSUMER.CREATE`, `CONSUMER.DURABLE.CREATE` and
 * `CONSUMER.DELETE`, each with the stream's name behind it.
 */
export const jetStreamApi = {
  /** The next messages of a consumer. */
  pull: (stream: string, consumer: string): string => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
  /** One message, by sequence or by subject, from the stream's leader. */
  message: (stream: string): string => `$JS.API.STREAM.MSG.GET.${stream}`,
} as const;
