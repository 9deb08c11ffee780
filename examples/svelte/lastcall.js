import { createClient } from '@lastcall/client';
import { RecordLock } from '@lastcall/client/view';
import { readable } from 'svelte/store';
import { token } from '../person.js';

export const client = createClient({ url: location.origin, token, app: { name: 'svelte-example' } });

/** What a store of the SDK says, as a store of Svelte. */
const follow = (subscribe, get) =>
  readable(get(), (set) => {
    set(get());
    return subscribe(() => set(get()));
  });

export const snapshot = follow(client.subscribe, client.getSnapshot);

/** A record, locked while anybody follows this; it waits for whoever has it. */
export function recordLock(resource) {
  const record = new RecordLock(client, resource);
  const subscribe = (listener) => {
    const end = record.subscribe(listener);
    record.lock({ waitMs: 300_000 }).catch(() => undefined); // why it was refused is in the view
    return () => {
      end();
      void record.release();
    };
  };
  return follow(subscribe, record.getView);
}
