import type { LastcallClient } from '../client.js';
import type { Draft, Drafts } from '../drafts.js';
import type { SessionClient } from '../session-client.js';
import { ENGLISH, type Texts } from './texts.js';

/** What all elements of the page share, where one has nothing of its own. */
export interface Scene {
  readonly client: SessionClient | LastcallClient | undefined;
  readonly drafts: Drafts | undefined;
  readonly language: string;
  readonly texts: Texts;
  /** What a record is called. */
  readonly label: (resource: string) => string;
  /** Puts a draft back into its editor. */
  readonly restore: ((draft: Draft) => unknown) | undefined;
}

export interface Speech {
  /** Such as `de` or `pt-BR`. Default: that of the page, then that of the browser. */
  readonly language?: string | undefined;
  /** Texts of your own, in place of these or in a language that there is none of. */
  readonly texts?: Partial<Texts> | undefined;
}

/** All but English are loaded when they are wanted. */
const LANGUAGES: Readonly<Partial<Record<string, () => Promise<{ readonly texts: Texts }>>>> = {
  ar: () => import('./texts/ar.js'),
  de: () => import('./texts/de.js'),
  en: () => Promise.resolve({ texts: ENGLISH }),
  es: () => import('./texts/es.js'),
  fr: () => import('./texts/fr.js'),
  pt: () => import('./texts/pt.js'),
};

let scene: Scene = {
  client: undefined,
  drafts: undefined,
  language: 'en',
  texts: ENGLISH,
  label: (resource) => resource,
  restore: undefined,
};
const listeners = new Set<() => void>();
/** The latest choice of a language. */
let spoken: object | undefined;

export const sceneNow = (): Scene => scene;

export function setScene(changes: Partial<Scene>): void {
  scene = { ...scene, ...changes };
  for (const listener of Array.from(listeners)) listener();
}

/** An element is on the page; returns what is to be called when it is not. */
export function onScene(listener: () => void): () => void {
  if (!spoken) void speak();
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/**
 * Chooses the language and the texts of all elements. Resolves when they are there; a language that cannot be loaded
 * leaves English.
 */
export async function speak({ language, texts = {} }: Speech = {}): Promise<void> {
  const turn = {};
  spoken = turn;
  const wanted = language ?? (document.documentElement.lang || navigator.language);
  const load = LANGUAGES[wanted.slice(0, 2).toLowerCase()];
  setScene({ language: load ? 'en' : (language ?? 'en'), texts: { ...ENGLISH, ...texts } });
  try {
    const loaded = await load?.();
    if (loaded && spoken === turn) setScene({ language: wanted, texts: { ...loaded.texts, ...texts } });
  } catch {
    // English is better than nothing.
  }
}
