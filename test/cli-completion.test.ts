import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { COMMANDS } from 'lastcall/internal/cli/commands/index.js';
import { CliBench } from './support/cli.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

describe('command line: completion', () => {
  const bench = CliBench.use();

  const scriptFor = async (shell: string): Promise<string> => {
    const { code, out, err } = await bench.offline(['completion', shell]);
    expect({ code, err }).to.deep.equal({ code: 0, err: '' });
    return out;
  };

  /** What the shell's own completion offers after these words. */
  const OFFER: Readonly<Record<string, (script: string, words: readonly string[]) => string[]>> = {
    bash(script, words) {
      const typed = words.map((word) => `'${word}'`).join(' ');
      const ask = `COMP_WORDS=(lastcall ${typed}); COMP_CWORD=${words.length}; _lastcall; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return linesOf('bash', ['--norc', '-c', `${script}\n${ask}`]);
    },
    zsh(script, words) {
      // What zsh would show is taken where it is handed over.
      const typed = words.map((word) => `'${word}'`).join(' ');
      const stubs = [
        'compdef() { : }',
        '_describe() { print -rl -- ${(P)4%%:*} }',
        'compadd() { shift; print -rl -- "$@" }',
        '_files() { print -r -- FILES }',
      ];
      const ask = `words=(lastcall ${typed}); CURRENT=${words.length + 1}; _lastcall`;
      return linesOf('zsh', ['-f', '-c', `${stubs.join('\n')}\n${script}\n${ask}`]).filter((word) =>
        word.startsWith(words.at(-1) ?? ''),
      );
    },
    fish(script, words) {
      const ask = `complete -C 'lastcall ${words.join(' ')}'`;
      const offered = linesOf('fish', ['--no-config', '-c', `${script}\n${ask}`]);
      return offered.map((line) => line.split('\t')[0] ?? '');
    },
  };

  function linesOf(shell: string, args: readonly string[]): string[] {
    const { stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8' });
    expect(stderr).to.equal('');
    return stdout.split('\n').filter((line) => line !== '');
  }

  for (const shell of SHELLS) {
    it(`[C10] ${shell} gets every command and every option`, async () => {
      const script = await scriptFor(shell);
      for (const { usage, options } of COMMANDS) {
        for (const word of (usage.split(/ [<[]/)[0] ?? '').split(' ')) expect(script).to.include(word);
        for (const { flags } of options) {
          const name = /--([\w-]+)/.exec(flags)?.[1] ?? '';
          expect(script, flags).to.include(shell === 'fish' ? `-l ${name} ` : `--${name}`);
        }
      }
    });

    // A shell that is not on this machine cannot be asked; its script is held against the table above.
    for (const here of [shell].filter(isThere)) {
      it(`[C10] ${here} completes commands, options and what they take`, async () => {
        const script = await scriptFor(here);
        const offer = (...words: string[]) => OFFER[here]?.(script, words) ?? [];
        expect(offer('ses')).to.deep.equal(['sessions']);
        expect(offer('audit', 'ver')).to.deep.equal(['verify']);
        expect(offer('logoff', '--ex')).to.deep.equal(['--except-user']);
        expect(offer('audit', 'export', '--format', 'nd')).to.deep.equal(['ndjson']);
        expect(offer('sessions', '--state', 'id')).to.deep.equal(['idle']);
        expect(offer('audit', '--typ')).to.deep.equal(['--type']);
        expect(offer('sessions', '--url', 'x')).to.deep.equal([]);
      });
    }
  }

  it('[C10] [C1] names the shells that are known', async () => {
    const { code, err } = await bench.offline(['completion', 'fsh']);
    expect(code).to.equal(2);
    expect(err).to.match(/bash, zsh, fish.*nearest is \w+/);
  });
});
