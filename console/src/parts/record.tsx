import type { AuditRecord, EndReason, SessionState } from '@lastcall/shared';
import { END_REASONS, SESSION_STATES } from '@lastcall/shared';
import { useFormat, useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';
import { useActor } from './actor.js';

const isState = (value: unknown): value is SessionState => SESSION_STATES.some((state) => state === value);
const isReason = (value: unknown): value is EndReason => END_REASONS.some((reason) => reason === value);

/** What is particular to a record, in a few words. */
export function useRecordNote(): (record: AuditRecord) => string {
  const say = useText(termsText);
  return ({ type, reason, resource = '', details = {} }) => {
    const { to, dirty, view } = details;
    const isChange = type === 'session.state';
    const notes = [
      isChange && isState(to) ? say(`state.${to}`) : '',
      isChange && typeof dirty === 'boolean' ? say(dirty ? 'work.unsaved' : 'work.saved') : '',
      isChange && typeof view === 'string' ? view : '',
      resource,
      isReason(reason) ? say(`reason.${reason}`) : (reason ?? ''),
    ];
    return notes.filter((note) => note !== '').join(' · ');
  };
}

/** Records as a time line, the latest first. */
export function Timeline({ records }: { readonly records: readonly AuditRecord[] }) {
  const say = useText(termsText);
  const format = useFormat();
  const actor = useActor();
  const note = useRecordNote();
  return (
    <ol className="lc-timeline">
      {records.map((record) => (
        <li key={`${record.epoch}-${record.rev}`} data-type={record.type}>
          <span className="lc-dot" />
          <span className="lc-timeline-what">
            <strong>{say(`record.${record.type}`)}</strong> {note(record)}
          </span>
          <span className="lc-timeline-when" title={format.dateTime(record.at)}>
            {format.time(record.at)} · {actor(record.by)}
          </span>
        </li>
      ))}
    </ol>
  );
}
