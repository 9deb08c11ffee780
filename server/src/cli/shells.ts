import type { Command } from './command.js';

// Scripts by which shells complete `lastcall`, made from the table of commands.

/** What may follow the words of a command. */
interface Place {
  /** `audit`, `audit list`; empty: right after `lastcall`. */
  readonly path: string;
  readonly words: readonly Word[];
}

/** A command or an option to be offered. */
interface Word {
  readonly text: string;
  readonly help: string;
  /** What an option takes: one of these, a file, anything, or nothing. */
  readonly takes: 'nothing' | 'text' | 'file' | readonly string[];
}

const HELP: Word = { text: '--help', help: 'Show help.', takes: 'nothing' };

/** `audit list` of `audit list [more]`. */
const pathOf = ({ usage }: Command): string => usage.split(/ [<[]/)[0] ?? '';

function optionsOf({ options }: Command): readonly Word[] {
  return options.map(({ flags, help, choices }) => {
    const [, text = '', value = ''] = /(--[\w-]+)(?: [<[](\w+))?/.exec(flags) ?? [];
    if (value === '') return { text, help, takes: 'nothing' };
    if (choices) return { text, help, takes: choices };
    return { text, help, takes: /^(?:file|path)$/.test(value) ? 'file' : 'text' };
  });
}

/** Every place and what is offered there; a command with others below it acts as the first of these. */
export function placesOf(commands: readonly Command[]): readonly Place[] {
  const top = new Map<string, Word>();
  const places: Place[] = [];
  const below = new Map<string, Word[]>();
  for (const command of commands) {
    const path = pathOf(command);
    const [name = '', verb] = path.split(' ');
    const words = [...optionsOf(command), HELP];
    places.push({ path, words });
    if (!top.has(name)) top.set(name, { text: name, help: command.summary, takes: 'nothing' });
    if (verb === undefined) continue;
    const known = below.get(name);
    const word: Word = { text: verb, help: command.summary, takes: 'nothing' };
    if (known) known.push(word);
    else below.set(name, [word, ...words]);
  }
  const parents = [...below].map(([path, words]) => ({ path, words }));
  return [{ path: '', words: [...top.values(), HELP] }, ...parents, ...places];
}

/** Texts of this repository stand in scripts: they are quoted all the same. */
const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

const listOf = (words: readonly string[]): string => quote(words.join(' '));

/** The lines of a `case` that finds out which command was typed. */
function walk(places: readonly Place[]): readonly string[] {
  const paths = [...new Set(places.map(({ path }) => path))].filter((path) => path !== '');
  return paths.map((path) => {
    const words = path.split(' ');
    const before = words.slice(0, -1).join(' ');
    return `      ${quote(`${before}/${words.at(-1) ?? ''}`)}) name=${quote(path)} ;;`;
  });
}

/** The lines of a `case` for what an option takes. */
function values(
  places: readonly Place[],
  write: (takes: 'text' | 'file' | readonly string[]) => string,
): readonly string[] {
  return places.flatMap(({ path, words }) =>
    words.flatMap(({ text, takes }) =>
      takes === 'nothing' ? [] : [`    ${quote(`${path}/${text}`)}) ${write(takes)}; return ;;`],
    ),
  );
}

function bash(places: readonly Place[]): string {
  const offers = places.map(
    ({ path, words }) => `    ${quote(path)}) words=${listOf(words.map(({ text }) => text))} ;;`,
  );
  return `# Put this into ~/.bashrc: source <(lastcall completion bash)
_lastcall() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" name='' word words=''
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$name/$word" in
${walk(places).join('\n')}
    esac
  done
  case "$name/$before" in
${values(places, (takes) => {
  if (takes === 'file') return 'COMPREPLY=($(compgen -f -- "$current"))';
  return takes === 'text' ? ':' : `COMPREPLY=($(compgen -W ${listOf(takes)} -- "$current"))`;
}).join('\n')}
  esac
  case "$name" in
${offers.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _lastcall lastcall
`;
}

function zsh(places: readonly Place[]): string {
  const offers = places.map(({ path, words }) => {
    const items = words.map(({ text, help }) => quote(`${text}:${help.replaceAll(':', '\\:')}`));
    return `    ${quote(path)}) offers=(${items.join(' ')}) ;;`;
  });
  return `#compdef lastcall
# Put this into ~/.zshrc, after compinit: source <(lastcall completion zsh)
_lastcall() {
  local name='' word
  local -a offers
  for word in \${words[2,CURRENT-1]}; do
    case "$name/$word" in
${walk(places).join('\n')}
    esac
  done
  case "$name/\${words[CURRENT-1]}" in
${values(places, (takes) => {
  if (takes === 'file') return '_files';
  return takes === 'text' ? ':' : `compadd -- ${takes.map(quote).join(' ')}`;
}).join('\n')}
  esac
  case "$name" in
${offers.join('\n')}
  esac
  _describe -t words lastcall offers
}
compdef _lastcall lastcall
`;
}

/** When fish is to offer something: after these words, and before any that is below them. */
function condition(path: string, places: readonly Place[]): string {
  if (path === '') return '__fish_use_subcommand';
  const seen = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  const verbs = places
    .filter((place) => place.path.startsWith(`${path} `))
    .map((place) => place.path.slice(path.length + 1));
  const none = verbs.length === 0 ? [] : [`not __fish_seen_subcommand_from ${verbs.join(' ')}`];
  return [...seen, ...none].join('; and ');
}

const fishQuote = (text: string): string => quote(text).replaceAll(String.raw`'\''`, String.raw`\'`);

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words }) =>
    words.map((word) => {
      const when = `complete -c lastcall -n ${fishQuote(condition(path, places))}`;
      if (!word.text.startsWith('--')) return `${when} -a ${word.text} -d ${fishQuote(word.help)}`;
      const offer = `${when} -l ${word.text.slice(2)} -d ${fishQuote(word.help)}`;
      if (word.takes === 'nothing') return offer;
      if (word.takes === 'file') return `${offer} -r -F`;
      return word.takes === 'text' ? `${offer} -x` : `${offer} -x -a ${fishQuote(word.takes.join(' '))}`;
    }),
  );
  return `# Put this into ~/.config/fish/config.fish: lastcall completion fish | source
complete -c lastcall -f
${lines.join('\n')}
`;
}

export const SHELLS = { bash, zsh, fish } as const;
export type Shell = keyof typeof SHELLS;
