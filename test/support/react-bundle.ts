import { rolldown } from 'rolldown';

/** The page of `react-page.ts` as one script, with React as it is for developers. */
export async function reactBundle(): Promise<string> {
  const bundle = await rolldown({
    input: new URL('react-page.js', import.meta.url).pathname,
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
    checks: { moduleLevelDirective: false },
  });
  const { output } = await bundle.generate({ format: 'iife' });
  await bundle.close();
  return output[0].code;
}
