import { type Issue, LastcallError } from '@lastcall/shared';
import type { z } from 'zod';
import { guard } from './guard.js';
import { describeIssue } from './messages.js';
import { isLine } from './values.js';

/** Most issues told of one payload. */
export const MAX_ISSUES = 20;
/** Longest path and longest message of an issue, in characters. */
export const MAX_ISSUE_LENGTH = 200;

function clip(text: string): string {
  return text.length > MAX_ISSUE_LENGTH ? `${text.slice(0, MAX_ISSUE_LENGTH - 1)}…` : text;
}

/** Field names come from the sender: one that could forge a line is not repeated. */
function pathOf(keys: readonly PropertyKey[]): string {
  return clip(
    keys
      .map(String)
      .map((key) => (isLine(key) ? clip(key) : '?'))
      .join('.'),
  );
}

function issuesOf(error: z.ZodError): Issue[] {
  const found: Issue[] = [];
  for (const issue of error.issues) {
    const paths =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths) {
      if (found.length === MAX_ISSUES) return found;
      found.push({ path: pathOf(path), message: clip(issue.message) });
    }
  }
  return found;
}

/** The error of a payload with these issues; its message is the first of them. */
export function invalid(issues: readonly Issue[]): LastcallError {
  const [first] = issues;
  const what = first === undefined ? '' : `: ${first.path === '' ? 'it' : first.path} ${first.message}`;
  return new LastcallError('invalid', `What was sent cannot be accepted${what}.`, { issues });
}

/**
 * The value as its schema types it.
 *
 * @throws {LastcallError} `invalid` with the issues, which never repeat a value that was sent.
 */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const refused = guard(value);
  if (refused !== undefined) throw invalid([refused]);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  // A parse with messages takes three times as long: only what is refused pays for it.
  const explained = schema.safeParse(value, { error: describeIssue });
  throw invalid(issuesOf(explained.error ?? result.error));
}
