import type { z } from 'zod';

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function bound(direction: 'least' | 'most', origin: string, limit: number | bigint): string {
  if (origin === 'string') return `must have at ${direction} ${limit} characters`;
  if (origin === 'array') return `must have at ${direction} ${limit} entries`;
  return `must be at ${direction} ${limit}`;
}

/** What is wrong with a value, for a person. Never names the value: it may be a secret, and it goes into logs. */
export const describeIssue: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is required';
      return `must be ${EXPECTED[issue.expected] ?? 'of another type'}`;
    case 'too_small':
      return bound('least', issue.origin, issue.minimum);
    case 'too_big':
      return bound('most', issue.origin, issue.maximum);
    case 'invalid_value':
      if (issue.input === undefined) return 'is required';
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'uuid' ? 'must be a UUID' : 'is not written as it must be';
    case 'unrecognized_keys':
      return 'is not a field that is known here';
    case 'invalid_key':
      return 'has a name that is not allowed';
    case 'invalid_element':
    case 'invalid_union':
    case 'not_multiple_of':
    case 'custom':
      break;
  }
  return 'is not valid';
};
