import { readFileSync } from 'node:fs';
import { type AuditVerdict, TENANT_PATTERN } from '@lastcall/shared';
import { Keys } from '../../archive/chain.js';
import { Folder } from '../../archive/files.js';
import { verifyArchive } from '../../archive/verify.js';
import { busily } from '../busy.js';
import { defineCommand, EXIT } from '../command.js';
import { formatInstant } from '../durations.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf, instantOption, usageError } from '../options.js';
import { colorsOf, print, printJson, type Terminal } from '../terminal.js';
import { count } from '../words.js';

interface Options extends ApiCommandOptions {
  readonly from?: number;
  readonly dir?: string;
  readonly keyFile?: string;
}

/** Reads an archive here, without a broker: there is nothing then that knows how far it should reach but its checkpoints. */
async function verifyHere({ env }: Terminal, dir: string, options: Options): Promise<AuditVerdict> {
  const tenant = options.tenant ?? env['LASTCALL_TENANT'] ?? '';
  if (!TENANT_PATTERN.test(tenant))
    throw usageError('With --dir name the tenant: --tenant or LASTCALL_TENANT');
  const folder = new Folder(dir, tenant);
  if ((await folder.days()).length === 0) throw usageError(`There is no archive of ${tenant} in ${dir}`);
  const keys = new Keys(
    options.keyFile === undefined ? env['LASTCALL_AUDIT_KEY'] : readKeys(options.keyFile),
  );
  return await verifyArchive({ folder, keys, from: options.from });
}

function readKeys(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usageError(`--key-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function printVerdict(terminal: Terminal, verdict: AuditVerdict): void {
  const { ok, records, files, anchored, signed, lost, last, fault } = verdict;
  const colors = colorsOf(terminal, terminal.stdout);
  const extent = `${count(records, 'record')} in ${count(files, 'file')}`;
  if (ok) {
    const upTo = last ? `, up to link ${last.seq} of ${formatInstant(last.at)}` : '';
    print(terminal.stdout, `${colors.green('whole')}  ${extent}${upTo}`);
  } else if (fault) {
    const place =
      fault.file === undefined ? '' : ` (${fault.file}${fault.line === undefined ? '' : `:${fault.line}`})`;
    print(terminal.stdout, `${colors.red(fault.kind)}  ${fault.message}${place}`);
    print(terminal.stdout, `Before it: ${extent} as they were written.`);
  }
  const notes = [
    ...(lost > 0 ? [`${count(lost, 'record')} left Redis before they could be archived.`] : []),
    ...(anchored ? [] : ['Its end was compared with its checkpoints alone, not with Redis.']),
    ...(signed || records === 0 ? [] : ['Not all of it is signed with a key (LASTCALL_AUDIT_KEY).']),
  ];
  print(terminal.stderr, ...notes);
}

export const verify = defineCommand<Options>({
  usage: 'audit verify',
  summary: 'prove that the audit archive is as it was written',
  group: 'Look',
  options: [
    { flags: '--from <instant>', help: 'Begin with the file of that day (UTC).', parse: instantOption },
    { flags: '--dir <path>', help: 'Read the archive in this directory, without a broker.' },
    { flags: '--key-file <path>', help: 'With --dir: file with its keys. Default: LASTCALL_AUDIT_KEY.' },
    ...API_OPTIONS,
  ],
  more: 'Names the first link that is broken, missing or cut off. Exit codes: 0 it is whole, 3 it is not.',
  async run({ terminal, options }) {
    const { dir, from } = options;
    const verdict = await busily(
      terminal,
      () => 'Reading the archive',
      () =>
        dir === undefined ? apiOf(terminal, options).verifyAudit(from) : verifyHere(terminal, dir, options),
    );
    if (options.json) printJson(terminal, verdict);
    else printVerdict(terminal, verdict);
    return verdict.ok ? EXIT.ok : EXIT.unverified;
  },
});
