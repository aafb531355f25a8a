import type { TaskCreation, WireErrors } from '@fornax/contracts';
import type { TaskOrigin, TaskSpec } from '@fornax/domain';

const wrong = (text: string): { readonly errors: WireErrors } => ({ errors: { 'fornax.resumeFromSnapshot': [text] } });

/** With which snapshot instances begin; or the problem. */
export const askedResume = (
  { fornax }: TaskCreation,
  origin: TaskOrigin | undefined,
): Pick<TaskSpec, 'resumeFromSnapshot'> | { readonly errors: WireErrors } => {
  const asked = fornax?.resumeFromSnapshot ?? 'none';
  if (asked === 'none' || asked === '') return {};
  if (asked === 'latest') return { resumeFromSnapshot: asked };
  if (!asked.startsWith('snap_')) return wrong('It is latest, none, or the id of a snapshot.');
  return origin && asked.startsWith(`snap_${origin.taskId}_`)
    ? { resumeFromSnapshot: asked }
    : wrong('A task can begin with a certain snapshot only of the task that it is made of.');
};
