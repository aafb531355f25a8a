import type { ProfileConstant } from './profile.js';
import { matchesPattern } from './plain-pattern.js';

/** Text that is only known on the node, where references are put in. */
export const hasReference = (value: string): boolean => /\$\{[^{}$\s]+\}/.test(value);

const isPattern = (text: string): boolean => {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
};

/** What is wrong with a value, in words for the task's owner; undefined when it fits. Empty text is a way to say nothing, but for numbers and flags. */
export const valueProblem = (constant: ProfileConstant, value: string): string | undefined => {
  const { name, type, form, min, max, allowed, matches } = constant;
  if (allowed && !allowed.includes(value)) return `The constant ${name} must be one of: ${allowed.join(', ')}.`;
  if (matches !== undefined && !matchesPattern(matches, value))
    return `The constant ${name} must be text that matches ${matches}.`;
  switch (type) {
    case 'string':
      if (form === undefined || value === '') return undefined;
      return new RegExp(form.pattern).test(value) && form.fits?.(value) !== false
        ? undefined
        : `The constant ${name} must be ${form.says}.`;
    case 'boolean':
      return /^(?:true|false)$/i.test(value) ? undefined : `The constant ${name} must be true or false.`;
    case 'pattern':
      return isPattern(value) ? undefined : `The constant ${name} is not a valid regular expression.`;
    case 'integer': {
      if (!/^-?\d{1,15}$/.test(value)) return `The constant ${name} must be a whole number.`;
      const number = Number(value);
      if (min !== undefined && number < min) return `The constant ${name} must be at least ${min}.`;
      if (max !== undefined && number > max) return `The constant ${name} must be at most ${max}.`;
      return undefined;
    }
  }
};
