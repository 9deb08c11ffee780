import { createClient } from '@lastcall/client';
import { LastcallProvider } from '@lastcall/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { token } from '../person.js';
import { App } from './App.jsx';

const client = createClient({ url: location.origin, token, app: { name: 'react-example' } });

createRoot(document.getElementById('app')).render(
  <StrictMode>
    <LastcallProvider client={client}>
      <App />
    </LastcallProvider>
  </StrictMode>,
);
