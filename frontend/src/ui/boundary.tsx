import { Component, type ReactNode } from 'react';
import { ProblemNote } from './problem';

/** One part that fails must not take the page with it. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div className="pad">
        <ProblemNote error={this.state.error} onRetry={() => this.setState({ error: null })} />
      </div>
    );
  }
}
