import type { Lock } from '@lastcall/shared';

/** In which a request says under which session and lock it is made; a guarded back end reads them. */
export const SESSION_HEADER = 'Lastcall-Session';
export const RESOURCE_HEADER = 'Lastcall-Resource';
export const FENCE_HEADER = 'Lastcall-Fence';

export function headersOf(
  sessionId: string | undefined,
  lock?: Pick<Lock, 'resource' | 'fence'>,
): Readonly<Record<string, string>> {
  return {
    ...(sessionId !== undefined && { [SESSION_HEADER]: sessionId }),
    ...(lock && { [RESOURCE_HEADER]: lock.resource, [FENCE_HEADER]: String(lock.fence) }),
  };
}
