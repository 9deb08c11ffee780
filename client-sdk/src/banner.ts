import { LastcallDraft } from './banner/draft.js';
import { LastcallEditing } from './banner/editing.js';
import { LastcallEnded } from './banner/ended.js';
import { LastcallScreen } from './banner/screen.js';
import { LastcallStatus } from './banner/status.js';
import { LastcallTakeover } from './banner/takeover.js';
import { LastcallWarning } from './banner/warning.js';

export { type Banner, type BannerOptions, mountLastcall } from './banner/mount.js';
export { type Speech, speak } from './banner/scene.js';
export type { TextName, Texts } from './banner/texts.js';
export type {
  LastcallDraft,
  LastcallEditing,
  LastcallEnded,
  LastcallScreen,
  LastcallStatus,
  LastcallTakeover,
  LastcallWarning,
};

const ELEMENTS = {
  draft: LastcallDraft,
  editing: LastcallEditing,
  ended: LastcallEnded,
  screen: LastcallScreen,
  status: LastcallStatus,
  takeover: LastcallTakeover,
  warning: LastcallWarning,
};

declare global {
  interface HTMLElementTagNameMap {
    'lastcall-draft': LastcallDraft;
    'lastcall-editing': LastcallEditing;
    'lastcall-ended': LastcallEnded;
    'lastcall-screen': LastcallScreen;
    'lastcall-status': LastcallStatus;
    'lastcall-takeover': LastcallTakeover;
    'lastcall-warning': LastcallWarning;
  }
}

// Not on a server, and not twice where two copies of this are on one page.
if ('customElements' in globalThis) {
  for (const [name, element] of Object.entries(ELEMENTS))
    if (!customElements.get(`lastcall-${name}`)) customElements.define(`lastcall-${name}`, element);
}
