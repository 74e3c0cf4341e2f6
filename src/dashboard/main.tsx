import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { CSPProvider } from '@base-ui/react/csp-provider';
import './design/tokens.css';
import './design/base.css';
import { Session } from './app/session';

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    {/* The content security policy forbids style elements. */}
    <CSPProvider disableStyleElements>
      <Session />
    </CSPProvider>
  </StrictMode>,
);
