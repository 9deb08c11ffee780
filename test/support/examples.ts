import { build, type PreviewServer, preview } from 'vite';
import { ROOT } from './sources.js';

/** Vite says in `NODE_ENV` what it is at, and leaves that behind for whatever this process does next. */
export async function keepingNodeEnv<T>(work: () => Promise<T>): Promise<T> {
  const before = process.env['NODE_ENV'];
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
  }
}

/** The examples, built and served as `npm start -w examples` does, under one address with a broker. */
export async function serveExamples(brokerUrl: string, port: number): Promise<PreviewServer> {
  const common = { root: `${ROOT}examples`, configFile: `${ROOT}examples/vite.config.js` };
  const proxy = { '/socket.io': { target: brokerUrl }, '/dev': { target: brokerUrl } };
  return await keepingNodeEnv(async () => {
    await build({ ...common, logLevel: 'error' });
    return await preview({ ...common, logLevel: 'silent', preview: { port, strictPort: true, proxy } });
  });
}
