import { setNonce } from 'get-nonce';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { messageOf } from './data/problem.js';
import { type SignedIn, signedInAlready } from './sign-in/token.js';

async function open(root: Element): Promise<void> {
  const nonce = document.querySelector('script')?.nonce ?? '';
  // What keeps a page from scrolling behind a dialog writes a style of its own.
  setNonce(nonce);
  let initial: SignedIn | undefined;
  let trouble: string | undefined;
  try {
    initial = await signedInAlready();
  } catch (error) {
    trouble = messageOf(error) || 'The broker cannot be reached.';
  }
  createRoot(root).render(<App initial={initial} trouble={trouble} nonce={nonce} />);
}

const root = document.querySelector('#root');
if (root) void open(root);
