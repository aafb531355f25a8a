import { Graph as Digraph, layout } from '@dagrejs/dagre';
import type { JobGraph } from '../../api/jobs.ts';

export const NODE_WIDTH = 200;
export const NODE_HEIGHT = 64;

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Where each task stands, from left to right in the order in which they wait for each other. */
export const placesOf = ({
  tasks,
  dependencies,
}: Pick<JobGraph, 'tasks' | 'dependencies'>): ReadonlyMap<string, Place> => {
  const graph = new Digraph();
  graph.setGraph({ rankdir: 'LR', nodesep: 24, ranksep: 72 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(tasks.map(({ uuid }) => uuid));
  for (const uuid of known) graph.setNode(uuid, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const { from, to } of dependencies) if (known.has(from) && known.has(to)) graph.setEdge(from, to);
  layout(graph);
  return new Map(
    [...known].map((uuid) => {
      const { x, y } = graph.node(uuid) as Place;
      return [uuid, { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 }];
    }),
  );
};
