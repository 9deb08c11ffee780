export {
  type RecordClient,
  RecordLock,
  type RecordPhase,
  type RecordView,
} from './view/record-lock.js';
