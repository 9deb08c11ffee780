'use client';

export { LastcallProvider, type LastcallProviderProps, useClient } from './react/context.js';
export { type Editors, useEditors } from './react/editors.js';
export { type RecordLockOptions, type RecordLockView, useRecordLock } from './react/record-lock.js';
export { type DraftSaveOptions, type SaveOptions, type SaveView, useSave } from './react/save.js';
export { type SessionView, useSession } from './react/session.js';
export { useWarning, type WarningView } from './react/warning.js';
