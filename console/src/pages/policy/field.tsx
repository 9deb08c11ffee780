import type { PolicySettings } from '@lastcall/shared';
import { NumberInput, Select } from '@mantine/core';
import { useState } from 'react';
import { useFormat, useText } from '../../i18n/context.js';
import { type Fault, isDuration, rangeOf, type SettingName, wordsOf } from './settings.js';
import type { PolicyKey } from './text/en.js';
import { policyText } from './text/index.js';
import { useEffectOf, useValue } from './words.js';

const UNITS = [
  { id: 'd', ms: 86_400_000 },
  { id: 'h', ms: 3_600_000 },
  { id: 'min', ms: 60_000 },
  { id: 's', ms: 1_000 },
  { id: 'ms', ms: 1 },
] as const;
type Unit = (typeof UNITS)[number];

/** The largest unit in which a duration is a whole number. */
const unitFor = (ms: number): Unit => UNITS.find((unit) => ms > 0 && ms % unit.ms === 0) ?? UNITS[3];

interface FieldProps {
  readonly name: SettingName;
  readonly settings: PolicySettings;
  readonly fault: Fault | undefined;
  readonly onChange: (name: SettingName, value: number | string) => void;
}

/** What is wrong with a setting, for its field. */
function useProblem({ name, fault }: Pick<FieldProps, 'name' | 'fault'>): string | false {
  const say = useText(policyText);
  const format = useFormat();
  const value = useValue();
  if (!fault) return false;
  if (fault.message !== undefined) return fault.message;
  const { min = 0, max = 0, orZero = false } = rangeOf(name) ?? {};
  const write = (bound: number): string => (isDuration(name) ? value(name, bound) : format.number(bound));
  return say(orZero ? 'boundsOrZero' : 'bounds', { min: write(min), max: write(max) });
}

function NumberField(props: FieldProps) {
  const { name, settings, onChange } = props;
  const say = useText(policyText);
  const effect = useEffectOf();
  const problem = useProblem(props);
  const value = settings[name] as number;
  const [unit, setUnit] = useState<Unit>(() => unitFor(value));
  const isTime = isDuration(name);
  const size = isTime ? (value % unit.ms === 0 ? unit : unitFor(value)) : UNITS[4];
  return (
    <div className="lc-setting">
      <NumberInput
        label={say(`name.${name}` as PolicyKey)}
        description={effect(name, settings)}
        value={value / size.ms}
        onChange={(typed) => onChange(name, Math.round(Number(typed) * size.ms))}
        min={0}
        allowNegative={false}
        thousandSeparator=" "
        error={problem}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
      />
      {isTime && (
        <Select
          aria-label={say('unitOf', { name: say(`name.${name}` as PolicyKey) })}
          className="lc-unit"
          data={UNITS.map(({ id }) => ({ value: id, label: say(`unit.${id}`) }))}
          value={size.id}
          onChange={(id) => {
            const next = UNITS.find((one) => one.id === id) ?? size;
            setUnit(next);
            onChange(name, Math.round((value / size.ms) * next.ms));
          }}
          allowDeselect={false}
        />
      )}
    </div>
  );
}

function WordField({ name, settings, onChange }: FieldProps) {
  const say = useText(policyText);
  const effect = useEffectOf();
  return (
    <Select
      label={say(`name.${name}` as PolicyKey)}
      description={effect(name, settings)}
      data={wordsOf(name).map((word) => ({ value: word, label: say(`word.${word}` as PolicyKey) }))}
      value={String(settings[name])}
      onChange={(word) => word !== null && onChange(name, word)}
      allowDeselect={false}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
    />
  );
}

/** One setting, and what it does to people as it is. */
export function Field(props: FieldProps) {
  return wordsOf(props.name).length > 0 ? <WordField {...props} /> : <NumberField {...props} />;
}
