import { useSyncExternalStore } from 'react';

/** Where in the console somebody is: `#/page/rest?name=value`. */
export interface Place {
  readonly page: string;
  /** What follows the page, such as an id. */
  readonly rest: string;
  readonly query: URLSearchParams;
}

function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', ...rest] = path.split('/');
  return { page, rest: rest.map(decodeURIComponent).join('/'), query: new URLSearchParams(query) };
}

let known = { hash: location.hash, place: placeOf(location.hash) };

function here(): Place {
  if (known.hash !== location.hash) known = { hash: location.hash, place: placeOf(location.hash) };
  return known.place;
}

function onMove(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

export const usePlace = (): Place => useSyncExternalStore(onMove, here);

/** The address of a page within the console, for links. */
export function hrefOf(page: string, rest = '', query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  const path = rest === '' ? page : `${page}/${encodeURIComponent(rest)}`;
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

export function go(page: string, rest = '', query: Readonly<Record<string, string>> = {}): void {
  location.hash = hrefOf(page, rest, query);
}
