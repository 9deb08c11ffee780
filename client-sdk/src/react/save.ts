import { useEffect, useMemo } from 'react';
import type { Drafts } from '../drafts.js';
import type { SaveHandler, SaveResult } from '../saving.js';
import type { Snapshot } from '../snapshot.js';
import { useClient } from './context.js';
import { useLatest } from './latest.js';
import { useSelection } from './selection.js';

export interface SaveOptions {
  /** Whether there is anything to save; without it the handler always runs, unless `setDirty` says otherwise. */
  readonly isDirty?: boolean | (() => boolean);
  /** What this editor writes: when another record is taken over, its work is none of that. */
  readonly resource?: string;
}

/** For an editor whose work must not get lost. */
export interface DraftSaveOptions extends SaveOptions {
  readonly resource: string;
  /** What `keepDrafts` gave. */
  readonly drafts: Drafts;
  /** Its work as text, such as JSON. */
  readonly read: () => string;
}

export interface SaveView {
  /** Handlers are running, of this editor or another. */
  readonly saving: boolean;
  /** Saves what is unsaved, and goes on. */
  readonly save: () => Promise<SaveResult>;
}

const savingOf = ({ saving }: Snapshot): Pick<SaveView, 'saving'> => ({ saving });

/**
 * Saves one editor's work, by its latest handler, before the session ends: throwing, or taking too long, says that it is
 * not saved.
 * @throws LastcallError `invalid` without a provider
 */
export function useSave(handler: SaveHandler, options: SaveOptions | DraftSaveOptions = {}): SaveView {
  const client = useClient();
  const latest = useLatest({ handler, options });
  const { resource } = options;
  const drafts = 'drafts' in options ? options.drafts : undefined;
  const isTracked = options.isDirty !== undefined;
  useEffect(() => {
    const save: SaveHandler = (context) => latest.current.handler(context);
    const isDirty = (): boolean => {
      const { isDirty: dirty = true } = latest.current.options;
      return typeof dirty === 'function' ? dirty() : dirty;
    };
    const read = (): string => ('read' in latest.current.options ? latest.current.options.read() : '');
    if (drafts && resource !== undefined) return drafts.add({ resource, isDirty, read, save });
    return client.onSave(save, {
      ...(resource !== undefined && { resource }),
      ...(isTracked && { isDirty }),
    });
  }, [client, latest, drafts, resource, isTracked]);
  const { saving } = useSelection(savingOf);
  return useMemo(() => ({ saving, save: () => client.saveNow() }), [client, saving]);
}
