import { type Command, defineCommand, EXIT } from '../command.js';
import { JSON_OPTION, known } from '../options.js';
import { placesOf, SHELLS, type Shell } from '../shells.js';
import { print, printJson } from '../terminal.js';

const NAMES = Object.keys(SHELLS) as [Shell, ...Shell[]];

/** @param commands the table of commands, this one included */
export const completionOf = (commands: () => readonly Command[]): Command =>
  defineCommand<{ readonly json?: true }>({
    usage: 'completion <shell>',
    summary: 'print a script that completes commands and options',
    group: 'Broker',
    options: [JSON_OPTION],
    more: [
      'bash:  source <(lastcall completion bash)        in ~/.bashrc',
      'zsh:   source <(lastcall completion zsh)         in ~/.zshrc, after compinit',
      'fish:  lastcall completion fish | source         in ~/.config/fish/config.fish',
    ].join('\n'),
    run({ terminal, args: [name = ''], options }) {
      const shell = known(name, NAMES, `a shell that is known (${NAMES.join(', ')})`);
      const script = SHELLS[shell](placesOf(commands()));
      if (options.json) printJson(terminal, { shell, script });
      else print(terminal.stdout, script.trimEnd());
      return Promise.resolve(EXIT.ok);
    },
  });
