import { MAX_MESSAGE_LENGTH, ORDER_REASONS } from '@lastcall/shared';
import { Select, Textarea } from '@mantine/core';
import { useFeed } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Icon } from '../../parts/icon.js';
import type { Draft } from './order-request.js';
import { sessionsText } from './text/index.js';

export const TEMPLATES = ['save', 'maintenance', 'day', 'update'] as const;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const GRACES = [0, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR];
const HOLDS = [0, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE];
const DENIALS = [0, 5 * MINUTE, HOUR, 8 * HOUR];
const EXTENSIONS = [0, 5 * MINUTE, 15 * MINUTE];
/** Stands for what policy says. */
const BY_POLICY = '';

interface FieldsProps {
  readonly draft: Draft;
  readonly onChange: (changed: Partial<Draft>) => void;
}

function Message({ draft, onChange }: FieldsProps) {
  const say = useText(sessionsText);
  return (
    <>
      <div className="lc-templates" role="group" aria-label={say('act.template')}>
        {TEMPLATES.map((template) => {
          const text = say(`text.${template}`);
          return (
            <button
              key={template}
              type="button"
              className="lc-chip"
              aria-pressed={draft.message === text}
              onClick={() => onChange({ message: text })}
            >
              {say(`template.${template}`)}
            </button>
          );
        })}
      </div>
      <Textarea
        label={say('act.message')}
        description={say('act.messageHelp')}
        value={draft.message}
        onChange={(event) => onChange({ message: event.currentTarget.value })}
        maxLength={MAX_MESSAGE_LENGTH}
        rows={3}
        required
        data-autofocus
      />
    </>
  );
}

interface TimeProps {
  readonly label: string;
  readonly choices: readonly number[];
  readonly value: number | undefined;
  /** What policy says, where it may be left to it. */
  readonly byPolicy?: number | undefined;
  readonly wordOf?: (ms: number) => string;
  readonly onChange: (ms: number | undefined) => void;
}

function Time({ label, choices, value, byPolicy, wordOf, onChange }: TimeProps) {
  const say = useText(sessionsText);
  const format = useFormat();
  const word = wordOf ?? format.duration;
  const policy =
    byPolicy === undefined
      ? []
      : [{ value: BY_POLICY, label: say('act.policy', { time: format.duration(byPolicy) }) }];
  const data = choices.map((ms) => ({ value: String(ms), label: ms === 0 ? say('act.none') : word(ms) }));
  return (
    <Select
      label={label}
      data={[...policy, ...data]}
      value={value === undefined ? BY_POLICY : String(value)}
      onChange={(next) => onChange(next === null || next === BY_POLICY ? undefined : Number(next))}
      allowDeselect={false}
    />
  );
}

function Times({ draft, onChange }: FieldsProps) {
  const say = useText(sessionsText);
  const format = useFormat();
  const { policy } = useFeed('policy');
  const upTo = (ms: number): string => say('act.extendUpTo', { time: format.duration(ms) });
  return (
    <div className="lc-fields">
      <Time
        label={say('act.grace')}
        choices={GRACES}
        value={draft.graceMs}
        byPolicy={policy?.graceMs ?? 0}
        onChange={(graceMs) => onChange({ graceMs })}
      />
      <Time
        label={say('act.hold')}
        choices={HOLDS}
        value={draft.holdMs}
        byPolicy={policy?.holdMs ?? 0}
        onChange={(holdMs) => onChange({ holdMs })}
      />
      <Time
        label={say('act.extend')}
        choices={EXTENSIONS}
        value={draft.extendMs}
        wordOf={upTo}
        onChange={(extendMs = 0) => onChange({ extendMs })}
      />
    </div>
  );
}

/** The fields of an order: message, and for a logoff its reason and times. */
export function OrderFields({ draft, onChange }: FieldsProps) {
  const say = useText(sessionsText);
  const term = useText(termsText);
  const isAtOnce = draft.reason === 'security';
  return (
    <>
      <Message draft={draft} onChange={onChange} />
      {draft.action === 'logoff' && (
        <>
          <div className="lc-fields">
            <Select
              label={say('act.reason')}
              data={ORDER_REASONS.map((reason) => ({ value: reason, label: term(`reason.${reason}`) }))}
              value={draft.reason}
              onChange={(reason) => onChange({ reason: reason ?? 'admin' })}
              allowDeselect={false}
            />
            <Time
              label={say('act.deny')}
              choices={DENIALS}
              value={draft.denyMs}
              onChange={(denyMs = 0) => onChange({ denyMs })}
            />
          </div>
          {isAtOnce ? (
            <p className="lc-note">
              <Icon name="warning" size={16} /> {say('act.security')}
            </p>
          ) : (
            <Times draft={draft} onChange={onChange} />
          )}
        </>
      )}
    </>
  );
}
