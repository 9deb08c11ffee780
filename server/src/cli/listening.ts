import type { Config } from '../config.js';

/** Why an address cannot be listened on, and what to do; `undefined` for an error that is about something else. */
export function listenProblem(
  error: unknown,
  { host, port }: Pick<Config, 'host' | 'port'>,
): readonly [problem: string, remedy: string] | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return [
      `Port ${port} on ${host} is in use`,
      'stop what listens there, or take another one with --port (0 takes a free one).',
    ];
  }
  if (code === 'EACCES') return [`Port ${port} may not be used by this account`, 'take one above 1023.'];
  if (code === 'EADDRNOTAVAIL') return [`${host} is not an address of this machine`, 'see --host.'];
  return undefined;
}
