import {
  DEFAULT_POLICY,
  POLICY_PRESETS,
  POLICY_RANGES,
  type Policy,
  type PolicySettings,
  PRESET_NAMES,
  type PresetName,
  presetOf,
} from '@lastcall/shared';
import type { Api } from '../api.js';
import { type Command, CommandError, defineCommand, EXIT } from '../command.js';
import { formatDuration, parseDuration } from '../durations.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf, JSON_OPTION, known, usageError } from '../options.js';
import { type Column, printTable } from '../render.js';
import { print, printJson, type Terminal } from '../terminal.js';
import { count } from '../words.js';

type Name = keyof PolicySettings;
type Value = PolicySettings[Name];
const NAMES = Object.keys(DEFAULT_POLICY) as [Name, ...Name[]];

interface Setting {
  readonly name: Name;
  readonly value: Value;
}

/** A value with its unit: durations as people write them. */
function inWords({ name, value }: Setting): string {
  if (typeof value !== 'number' || !name.endsWith('Ms')) return '';
  return value === 0 ? 'off' : formatDuration(value);
}

const COLUMNS: readonly Column<Setting>[] = [
  { head: 'SETTING', text: ({ name }) => name, whole: true },
  { head: 'VALUE', text: ({ value }) => String(value), align: 'right' },
  { head: '', text: (setting) => inWords(setting) || ' ' },
  {
    head: 'CHANGED FROM',
    text: ({ name, value }) => (value === DEFAULT_POLICY[name] ? ' ' : String(DEFAULT_POLICY[name])),
    spare: 1,
  },
];

function nameOf(text: string): Name {
  return known(text, NAMES, 'a setting');
}

/** `name=value` as the setting it changes. Whether the value may be is for the broker to say. */
function parseSetting(text: string): Setting {
  const [left = '', right = '', ...more] = text.split('=');
  if (right === '' || more.length > 0)
    throw usageError(`"${text}" must be setting=value, such as graceMs=30s`);
  const name = nameOf(left);
  const allowed = POLICY_RANGES[name];
  if (!('min' in allowed)) return { name, value: right as Value };
  const value = name.endsWith('Ms') ? parseDuration(right) : Number(right);
  if (value === undefined || !Number.isSafeInteger(value)) {
    const example = name.endsWith('Ms') ? 'a duration such as 30s, 5m or 1500' : 'a whole number';
    throw usageError(`${name} must be ${example}, not "${right}"`);
  }
  return { name, value };
}

function settingsOf(policy: Policy): readonly Setting[] {
  return NAMES.map((name) => ({ name, value: policy[name] }));
}

function printPolicy(terminal: Terminal, policy: Policy, names: readonly Name[] = NAMES): void {
  printTable(
    terminal,
    COLUMNS,
    settingsOf(policy).filter(({ name }) => names.includes(name)),
    '',
  );
  const preset = presetOf(policy);
  print(terminal.stderr, `Version ${policy.version}${preset ? `, the preset ${preset}` : ''}.`);
}

interface Change {
  readonly settings: readonly Setting[];
  readonly preset: PresetName | undefined;
  readonly ifMatch: number | undefined;
}

/** A preset replaces all settings; what is named besides comes after it. */
async function change(api: Api, { settings: changes, preset, ifMatch }: Change): Promise<Policy> {
  const { version, ...current } = await api.policy();
  const settings = preset === undefined ? current : POLICY_PRESETS[preset].settings;
  if (ifMatch !== undefined && ifMatch !== version) {
    throw new CommandError(
      `The policy has version ${version}, not ${ifMatch}: somebody changed it. Look again.`,
    );
  }
  const changed = Object.fromEntries(changes.map(({ name, value }) => [name, value]));
  return api.setPolicy({ ...settings, ...changed }, version);
}

const get: Command = defineCommand<ApiCommandOptions>({
  usage: 'policy get [setting...]',
  summary: "show the tenant's settings",
  group: 'Settings',
  options: API_OPTIONS,
  async run({ terminal, args, options }) {
    const names = args.map(nameOf);
    const policy = await apiOf(terminal, options).policy();
    if (options.json) printJson(terminal, policy);
    else printPolicy(terminal, policy, names.length === 0 ? NAMES : names);
    return EXIT.ok;
  },
});

const presetRows = PRESET_NAMES.map((name) => ({ name, ...POLICY_PRESETS[name] }));

const PRESET_COLUMNS: readonly Column<(typeof presetRows)[number]>[] = [
  { head: 'PRESET', text: ({ name }) => name, whole: true },
  { head: 'FOR WHOM', text: ({ summary }) => summary, least: 40 },
];

const presets: Command = defineCommand<{ readonly json?: true }>({
  usage: 'policy presets',
  summary: 'show settings that go together, to begin with',
  group: 'Settings',
  options: [JSON_OPTION],
  more: 'Take one with: lastcall policy set --preset strict',
  run({ terminal, options }) {
    if (options.json) printJson(terminal, POLICY_PRESETS);
    else {
      printTable(terminal, PRESET_COLUMNS, presetRows, '');
      for (const { name, settings } of presetRows) {
        const changed = NAMES.filter((setting) => settings[setting] !== DEFAULT_POLICY[setting]);
        const words = changed.map((setting) => {
          const value = settings[setting];
          return `${setting}=${inWords({ name: setting, value }) || String(value)}`;
        });
        if (words.length > 0) print(terminal.stdout, '', `${name}: ${words.join(' ')}`);
      }
    }
    return Promise.resolve(EXIT.ok);
  },
});

interface SetOptions extends ApiCommandOptions {
  readonly ifMatch?: number;
  readonly preset?: PresetName;
}

const set: Command = defineCommand<SetOptions>({
  usage: 'policy set [setting=value...]',
  summary: "change the tenant's settings while it works",
  group: 'Settings',
  options: [
    {
      flags: '--preset <name>',
      help: `All settings as in a preset: ${PRESET_NAMES.join(', ')}; those named besides come after it.`,
      parse: (text) => known(text, [...PRESET_NAMES], 'a preset'),
    },
    {
      flags: '--if-match <version>',
      help: 'Only if the policy still has this version.',
      parse: (text) => {
        if (!/^\d{1,15}$/.test(text)) throw usageError(`--if-match must be a version, not "${text}"`);
        return Number(text);
      },
    },
    ...API_OPTIONS,
  ],
  more: 'Settings that end in Ms take durations: lastcall policy set idleLogoffMs=30m idleWarnMs=2m',
  async run({ terminal, args, options }) {
    const { preset, ifMatch } = options;
    const settings = args.map(parseSetting);
    if (settings.length === 0 && preset === undefined)
      throw usageError('Nothing to set: name settings, such as graceMs=30s, or a --preset');
    const policy = await change(apiOf(terminal, options), { settings, preset, ifMatch });
    if (options.json) printJson(terminal, policy);
    else {
      const what = preset === undefined ? count(settings.length, 'setting') : 'All settings';
      print(terminal.stderr, `${what} changed; clients are told at once.`);
      printPolicy(terminal, policy, preset === undefined ? settings.map(({ name }) => name) : NAMES);
    }
    return EXIT.ok;
  },
});

export const policy: readonly Command[] = [get, set, presets];
