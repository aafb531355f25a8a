import '@xyflow/react/dist/style.css';
import { useComputedColorScheme } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import {
  Background,
  Controls,
  Handle,
  MarkerType,
  Position,
  ReactFlow,
  type Edge,
  type Node,
  type NodeProps,
} from '@xyflow/react';
import { useMemo, type ReactElement, type ReactNode } from 'react';
import { stateIn, type JobGraph } from '../../api/jobs.ts';
import { StateBadge } from '../../parts/states.tsx';
import { NODE_HEIGHT, NODE_WIDTH, placesOf } from './layout.ts';
import { counted } from '../../parts/format.tsx';

type TaskNode = Node<{ readonly task: JobGraph['tasks'][number] }, 'task'>;

const TaskBox = ({ data: { task } }: NodeProps<TaskNode>): ReactElement => (
  <div
    className={task.isCritical ? 'task-box task-box-critical' : 'task-box'}
    style={{ width: NODE_WIDTH, height: NODE_HEIGHT }}
  >
    <Handle type="target" position={Position.Left} isConnectable={false} />
    <Link to="/tasks/$id" params={{ id: task.uuid }} className="cut nodrag" title={task.name}>
      {task.name}
    </Link>
    <StateBadge state={stateIn(task)} />
    <Handle type="source" position={Position.Right} isConnectable={false} />
  </div>
);

const NODE_TYPES = { task: TaskBox };

const edgesOf = ({ dependencies, criticalPath, tasks }: JobGraph): Edge[] => {
  const steps = new Set(criticalPath.slice(1).map((to, index) => `${criticalPath[index] ?? ''} ${to}`));
  const known = new Set(tasks.map(({ uuid }) => uuid));
  return dependencies.flatMap(({ from, to, each, state }) => {
    if (!known.has(from) || !known.has(to)) return [];
    const isCritical = steps.has(`${from} ${to}`);
    return [
      {
        id: `${from} ${to}`,
        source: from,
        target: to,
        animated: state === 'waiting',
        className: isCritical ? 'edge-critical' : '',
        markerEnd: { type: MarkerType.ArrowClosed },
        ...(each ? { label: 'each' } : {}),
      },
    ];
  });
};

/** The tasks of a job and what they wait for. The table beside it says the same in words. */
export const Graph = ({ graph }: { readonly graph: JobGraph }): ReactNode => {
  const scheme = useComputedColorScheme('light');
  // Only what waits for what moves a task: its state is shown where it stands.
  const shape = JSON.stringify([
    graph.tasks.map(({ uuid }) => uuid),
    graph.dependencies.map(({ from, to }) => [from, to]),
  ]);
  const places = useMemo(() => placesOf(graph), [shape]);
  const nodes: TaskNode[] = graph.tasks.map((task) => ({
    id: task.uuid,
    type: 'task',
    position: places.get(task.uuid) ?? { x: 0, y: 0 },
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    data: { task },
  }));
  return (
    <section
      className="graph"
      aria-label={`Graph of ${counted(graph.tasks.length, 'task')}; the thick ones decide when the job ends`}
    >
      <ReactFlow
        nodes={nodes}
        edges={edgesOf(graph)}
        nodeTypes={NODE_TYPES}
        colorMode={scheme}
        fitView
        minZoom={0.1}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        onlyRenderVisibleElements
        proOptions={{ hideAttribution: true }}
      >
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </section>
  );
};
