/** What a route that answers with Server-Sent Events says of each of them: tools that know the format check it event by event. */
export const EVENT_STREAM_CONTENT = {
  'text/event-stream': {
    schema: {
      type: 'object' as const,
      description: 'One of the events',
      properties: {
        id: { type: 'string' as const },
        event: { type: 'string' as const },
        data: { type: 'string' as const },
      },
    },
  },
};
