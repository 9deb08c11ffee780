/** The part of Web Locks that is used: a lock is held until its callback is done, or the page is gone. */
export interface PageLocks {
  request(name: string, options: { signal?: AbortSignal }, held: () => Promise<unknown>): Promise<unknown>;
  query(): Promise<{ readonly held?: readonly { readonly name?: string }[] }>;
}

/** Pages without TLS have none. */
export function pageLocks(): PageLocks | undefined {
  return (globalThis.navigator as { readonly locks?: PageLocks } | undefined)?.locks;
}
