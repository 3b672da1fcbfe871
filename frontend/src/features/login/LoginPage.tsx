import { PasswordInput, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { ApiError } from '@/api/client';
import { commands, queries } from '@/api/queries';
import { Logo } from '@/ui/logo';
import { ProblemNote } from '@/ui/problem';
import { Note } from '@/ui/state';
import './login.css';

type Credentials = Parameters<typeof commands.signIn>[0];

/** Only addresses of this console: a link must not be able to send people elsewhere after signing in. */
export function safeTarget(to: string | undefined): string {
  return to && to.startsWith('/') && !to.startsWith('//') && !to.startsWith('/\\') && !to.startsWith('/login')
    ? to
    : '/';
}

function useSignIn(to: string | undefined) {
  const router = useRouter();
  const queryClient = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function signIn(credentials: Credentials) {
    setBusy(true);
    setError(null);
    try {
      const { body } = await commands.signIn(credentials);
      queryClient.clear();
      queryClient.setQueryData(queries.session().queryKey, body);
      router.history.replace(safeTarget(to));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  }
  return { signIn, error, busy };
}

function Refusal({ error, byLink }: { error: unknown; byLink: boolean }) {
  const status = error instanceof ApiError ? error.status : 0;
  if (byLink && (status === 400 || status === 401 || status === 403 || status === 422)) {
    return (
      <div role="alert">
        <Note tone="warn">
          This link works once and for a short time. It was used or has ended. Sign in with your password, or make a new
          link where the control plane runs.
        </Note>
      </div>
    );
  }
  if (status === 401 || status === 403) {
    return (
      <div role="alert">
        <Note tone="bad">
          Name and password do not fit together.{' '}
          {error instanceof ApiError && error.problem.code !== 'unknown' ? error.problem.detail : ''}
        </Note>
      </div>
    );
  }
  return <ProblemNote error={error} />;
}

export function LoginPage({ to, loginToken }: { to?: string; loginToken: string | null }) {
  // Reading the session first also brings the CSRF cookie that signing in needs.
  const session = useQuery(queries.session());
  const { signIn, error, busy } = useSignIn(to);
  const [byLink, setByLink] = useState(loginToken !== null);
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const tried = useRef(false);

  useEffect(() => {
    if (!loginToken || tried.current || session.isPending) return;
    tried.current = true;
    void signIn({ loginToken });
  }, [loginToken, session.isPending, signIn]);

  function submit(event: FormEvent) {
    event.preventDefault();
    setByLink(false);
    void signIn({ username, password });
  }

  return (
    <main className="login">
      <div className="card login-card">
        <div className="row">
          <Logo />
          <span className="b6">meshweb</span>
        </div>
        <h1>Sign in</h1>
        {byLink && !error ? (
          <div role="status">
            <Note tone="go">Signing in with your link</Note>
          </div>
        ) : (
          <form onSubmit={submit} className="col" style={{ gap: 12 }}>
            {error !== null && <Refusal error={error} byLink={byLink} />}
            {session.isError && <ProblemNote error={session.error} onRetry={() => void session.refetch()} />}
            <TextInput
              label="User name"
              name="username"
              autoComplete="username"
              required
              withAsterisk={false}
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete="current-password"
              required
              withAsterisk={false}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            <button type="submit" className="btn p lg" disabled={busy}>
              {busy ? 'Signing in' : 'Sign in'}
            </button>
          </form>
        )}
      </div>
    </main>
  );
}
