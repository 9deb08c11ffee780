/** Everything under one name, for pages without a bundler. */
export { keepDrafts } from './drafts.js';
export * from './index.js';
