import type { ResourceRequest } from '../task/task.events.js';
import type { Profile } from './profile.js';

/** What an instance of a profile gets where its task says nothing: no more than the profile lets it have. */
export const requestWithin = (request: ResourceRequest, { limits }: Pick<Profile, 'limits'>): ResourceRequest => ({
  ...request,
  cores: Math.min(request.cores, limits?.cores ?? Infinity),
  memoryMB: Math.min(request.memoryMB, limits?.memoryMB ?? Infinity),
});

/** What a task asks for beyond the limits of its profile; undefined: nothing. */
export const limitProblem = (
  { cores, memoryMB }: Pick<ResourceRequest, 'cores' | 'memoryMB'>,
  { name, limits = {} }: Pick<Profile, 'name' | 'limits'>,
): string | undefined => {
  if (limits.cores !== undefined && cores > limits.cores)
    return `An instance of the profile ${name} has at most ${limits.cores} cores: this asks for ${cores}.`;
  if (limits.memoryMB !== undefined && memoryMB > limits.memoryMB)
    return `An instance of the profile ${name} has at most ${limits.memoryMB} MB of memory: this asks for ${memoryMB} MB.`;
  return undefined;
};
