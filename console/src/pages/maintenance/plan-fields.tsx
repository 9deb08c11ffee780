import { MAX_LADDER, MAX_MESSAGE_LENGTH } from '@lastcall/shared';
import { Checkbox, Select, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { type Draft, LADDER, STARTS_AT, STARTS_IN } from './draft.js';
import { maintenanceText } from './text/index.js';

const MINUTE = 60_000;
const ADMISSIONS = [0, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE];
const HOLDS = [0, 30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE];
const BY_POLICY = '';
const MAX_ROLES = 16;

interface FieldsProps {
  readonly draft: Draft;
  readonly onChange: (changed: Partial<Draft>) => void;
}

function Times({ draft, onChange }: FieldsProps) {
  const say = useText(maintenanceText);
  const format = useFormat();
  return (
    <div className="lc-fields">
      <Select
        label={say('start')}
        data={[
          ...STARTS_IN.map((ms) => ({
            value: String(ms),
            label: ms === 0 ? say('now') : say('in', { time: format.duration(ms) }),
          })),
          { value: STARTS_AT, label: say('startAt') },
        ]}
        value={draft.start}
        onChange={(start) => onChange({ start: start ?? STARTS_AT })}
        allowDeselect={false}
      />
      {draft.start === STARTS_AT && (
        <TextInput
          type="datetime-local"
          label={say('startsAt')}
          value={draft.startsAt}
          onChange={(event) => onChange({ startsAt: event.currentTarget.value })}
          required
        />
      )}
      <TextInput
        type="datetime-local"
        label={say('until')}
        description={say('untilHelp')}
        value={draft.untilAt}
        onChange={(event) => onChange({ untilAt: event.currentTarget.value })}
      />
    </div>
  );
}

/** A choice among durations, with the one that is set even if it is none of the usual. */
function choices(usual: readonly number[], set: number | undefined): readonly number[] {
  if (set === undefined || usual.includes(set)) return usual;
  return [...usual, set].toSorted((a, b) => a - b);
}

function Limits({ draft, onChange }: FieldsProps) {
  const say = useText(maintenanceText);
  const format = useFormat();
  return (
    <div className="lc-fields">
      <Select
        label={say('admission')}
        data={choices(ADMISSIONS, draft.admissionStopsMs).map((ms) => ({
          value: String(ms),
          label: ms === 0 ? say('atStart') : say('before', { time: format.duration(ms) }),
        }))}
        value={String(draft.admissionStopsMs)}
        onChange={(ms) => onChange({ admissionStopsMs: Number(ms) })}
        allowDeselect={false}
      />
      <Select
        label={say('hold')}
        data={[
          { value: BY_POLICY, label: say('byPolicy') },
          ...choices(HOLDS, draft.holdMs).map((ms) => ({ value: String(ms), label: format.duration(ms) })),
        ]}
        value={draft.holdMs === undefined ? BY_POLICY : String(draft.holdMs)}
        onChange={(ms) => onChange({ holdMs: ms === null || ms === BY_POLICY ? undefined : Number(ms) })}
        allowDeselect={false}
      />
      <TagsInput
        label={say('bypass')}
        description={say('bypassHelp')}
        value={[...draft.bypassRoles]}
        onChange={(bypassRoles) => onChange({ bypassRoles })}
        maxTags={MAX_ROLES}
      />
    </div>
  );
}

/** When people are told, and told again. */
function Ladder({ draft, onChange }: FieldsProps) {
  const say = useText(maintenanceText);
  const format = useFormat();
  const toggle = (mark: number): void => {
    const { ladderMs } = draft;
    const next = ladderMs.includes(mark) ? ladderMs.filter((ms) => ms !== mark) : [...ladderMs, mark];
    onChange({ ladderMs: next.toSorted((a, b) => b - a).slice(0, MAX_LADDER) });
  };
  return (
    <fieldset className="lc-ladder">
      <legend>{say('ladder')}</legend>
      <div className="lc-chips">
        {choices(LADDER, undefined)
          .concat(draft.ladderMs.filter((ms) => !LADDER.includes(ms)))
          .map((mark) => (
            <button
              key={mark}
              type="button"
              className="lc-chip"
              aria-pressed={draft.ladderMs.includes(mark)}
              onClick={() => toggle(mark)}
            >
              {format.duration(mark)}
            </button>
          ))}
      </div>
    </fieldset>
  );
}

export interface PlanFieldsProps extends FieldsProps {
  /** The start has been: only message, end and who may stay can be changed. */
  readonly isOver: boolean;
}

/** Everything that can be said of a maintenance window. */
export function PlanFields({ draft, onChange, isOver }: PlanFieldsProps) {
  const say = useText(maintenanceText);
  const term = useText(termsText);
  return (
    <>
      <Textarea
        label={term('message')}
        description={say('messageHelp')}
        value={draft.message}
        onChange={(event) => onChange({ message: event.currentTarget.value })}
        maxLength={MAX_MESSAGE_LENGTH}
        rows={2}
        required
        data-autofocus
      />
      {!isOver && (
        <Checkbox
          label={say('rehearsal')}
          description={say('rehearsalHelp')}
          checked={draft.isRehearsal}
          onChange={(event) => onChange({ isRehearsal: event.currentTarget.checked })}
        />
      )}
      {isOver ? (
        <TextInput
          type="datetime-local"
          label={say('until')}
          value={draft.untilAt}
          onChange={(event) => onChange({ untilAt: event.currentTarget.value })}
        />
      ) : (
        <>
          <Times draft={draft} onChange={onChange} />
          <Limits draft={draft} onChange={onChange} />
          <Ladder draft={draft} onChange={onChange} />
        </>
      )}
    </>
  );
}
