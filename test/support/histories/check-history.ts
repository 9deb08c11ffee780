/** `npm run check:history -- FILE…`: checks kept histories again. Ends with 1 on a violation, 2 for a file that is none. */
import { verdictsOf } from './check.js';
import { readHistory } from './format.js';

const SHOWN = 20;

function checkFile(path: string): number {
  const history = readHistory(path);
  const { seed, versions } = history.header;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  process.stdout.write(
    `${path}: seed ${seed}, ${history.ops.length} operations, ${history.records.length} records (${named.join(', ')})\n`,
  );
  let violations = 0;
  for (const { checker, violations: found } of verdictsOf(history)) {
    violations += found.length;
    process.stdout.write(
      `  ${checker.padEnd(10)} ${found.length === 0 ? 'holds' : `${found.length} violations`}\n`,
    );
    for (const line of found.slice(0, SHOWN)) process.stdout.write(`    ${line}\n`);
  }
  return violations === 0 ? 0 : 1;
}

function main(paths: readonly string[]): number {
  if (paths.length === 0) {
    process.stderr.write('Name at least one history: npm run check:history -- FILE\n');
    return 2;
  }
  let status = 0;
  for (const path of paths) {
    try {
      status = Math.max(status, checkFile(path));
    } catch (error) {
      process.stderr.write(`${path} is no history: ${(error as Error).message}\n`);
      status = 2;
    }
  }
  return status;
}

process.exitCode = main(process.argv.slice(2));
