/** What there is a row for in the drawing of attempts. */
export const LANE_ORDERS = ['instance', 'time', 'node'] as const;
export type LaneOrder = (typeof LANE_ORDERS)[number];
