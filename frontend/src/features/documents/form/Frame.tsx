import { Input } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  id: string;
  label: string;
  help?: string;
  error: string | null;
  required?: boolean;
  /** Twelve make a line. */
  width?: number;
  /** In rows, the line above them says what each column is; the field itself carries its label. */
  bare?: boolean;
  children: ReactNode;
}

/** Label above, help and what is wrong below: the same for every field. */
export function Frame({ id, label, help, error, required, width = 6, bare, children }: Props) {
  return (
    <div className="ff" style={{ gridColumn: `span ${width}` }}>
      <Input.Wrapper
        id={id}
        label={
          bare ? undefined : (
            <>
              {label}
              {required && (
                <span className="req" aria-hidden>
                  {' '}
                  required
                </span>
              )}
            </>
          )
        }
        description={bare ? undefined : help}
        error={error}
        errorProps={{ role: 'alert' }}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
      >
        {children}
      </Input.Wrapper>
    </div>
  );
}
