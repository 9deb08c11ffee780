/** Frames of one page share the storage of their window; each has a place of its own in it (both.html names them). */
const PLACE = window.parent === window ? '' : `${window.name}:`;

/** What this window keeps for itself across reloads: who is signed in, and what resumes the session. */
export const seat = {
  getItem: (key: string): string | null => sessionStorage.getItem(PLACE + key),
  setItem: (key: string, value: string): void => {
    sessionStorage.setItem(PLACE + key, value);
  },
  removeItem: (key: string): void => {
    sessionStorage.removeItem(PLACE + key);
  },
};
