import { Component, type ReactNode } from 'react';
import { Failure } from './page.js';

/** Keeps a mistake of one page from taking the others with it: says what went wrong, and draws the page anew on demand. */
export class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state = { error: undefined as unknown };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <div className="lc-page">
        <Failure error={error} onRetry={() => this.setState({ error: undefined })} />
      </div>
    );
  }
}
