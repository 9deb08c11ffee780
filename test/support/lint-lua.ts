/** `npm run lint:lua`: every script as Redis gets it, through luacheck. */
import { assembledScripts, lintLua, luacheckAvailable } from './lua.js';

function main(): number {
  if (!luacheckAvailable()) {
    process.stderr.write('luacheck is not installed: the scripts were not looked at\n');
    return process.env['CI'] === 'true' ? 1 : 0;
  }
  const scripts = assembledScripts();
  const findings = lintLua(scripts);
  for (const finding of findings) process.stdout.write(`${finding}\n`);
  process.stdout.write(`luacheck: ${scripts.length} scripts, ${findings.length} findings\n`);
  return findings.length === 0 ? 0 : 1;
}

process.exitCode = main();
