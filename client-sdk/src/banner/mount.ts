import type { LastcallClient } from '../client.js';
import type { Draft, Drafts } from '../drafts.js';
import type { SessionClient } from '../session-client.js';
import { type Speech, sceneNow, setScene, speak } from './scene.js';

export interface BannerOptions extends Speech {
  /** Offers what it has kept, and says at the end that there is something. */
  readonly drafts?: Drafts;
  /** Puts a draft back into its editor; when it throws, the draft stays. Without it the text can be copied. */
  readonly restore?: (draft: Draft) => unknown;
  /** What a record is called. Default: its resource. */
  readonly label?: (resource: string) => string;
  /** Lets the person sign in again. Default: `client.connect()`. */
  readonly signIn?: () => unknown;
  /** Where the elements go. Default: the end of the page. */
  readonly parent?: Element;
}

export interface Banner {
  /** The chosen language is there. */
  readonly ready: Promise<void>;
  /** Takes the elements away. */
  close(): void;
}

/**
 * Puts the warnings, the questions for records, the offer of drafts and the last screen on the page, and lends the
 * client to all other elements of it.
 */
export function mountLastcall(client: SessionClient | LastcallClient, options: BannerOptions = {}): Banner {
  const { language, texts, drafts, restore, signIn } = options;
  const { label = sceneNow().label, parent = document.body } = options;
  setScene({ client, drafts, restore, label });
  const names = ['warning', 'lock' in client && 'takeover', drafts && 'draft', 'ended'];
  const screen = document.createElement('lastcall-screen');
  for (const name of names) if (name) screen.append(document.createElement(`lastcall-${name}`));
  if (signIn)
    screen.addEventListener('lastcall-sign-in', (event) => {
      event.preventDefault();
      signIn();
    });
  parent.append(screen);
  return {
    ready: speak({ language, texts }),
    close: () => {
      screen.remove();
      if (sceneNow().client === client) setScene({ client: undefined, drafts: undefined });
    },
  };
}
