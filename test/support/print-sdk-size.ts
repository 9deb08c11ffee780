import { sdkSize, sizeTable } from './sdk-size.js';

for (const entry of ['core', 'index', 'drafts'])
  process.stdout.write(`${entry}\n${sizeTable(await sdkSize(entry))}\n\n`);
