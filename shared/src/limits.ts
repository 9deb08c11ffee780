/** Sizes that both sides keep to, so that a payload refused there is not sent here. */

/** Longest message an administrator may write, in characters. */
export const MAX_MESSAGE_LENGTH = 500;
/** Longest `view` a heartbeat may carry, in characters. */
export const MAX_VIEW_LENGTH = 128;
/** Longest note on a lock, in characters. */
export const MAX_NOTE_LENGTH = 200;
/** Longest app name, device label, attribute key or value, in characters. */
export const MAX_LABEL_LENGTH = 128;
/** Most attributes of a session. */
export const MAX_ATTRIBUTES = 16;
/** Most names in one list of an order's target. */
export const MAX_TARGET_LIST = 1_000;
/** Largest payload of one socket message or HTTP body, in bytes. */
export const MAX_PAYLOAD_BYTES = 65_536;
/** Deepest nesting of a payload. */
export const MAX_PAYLOAD_DEPTH = 32;
/** Default and largest page of a list. */
export const DEFAULT_PAGE = 100;
export const MAX_PAGE = 1_000;

/** A page of a list; `next` is the opaque cursor of the following one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}
