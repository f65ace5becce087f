/** The frame of the pages before signing in: a form in the middle of the screen. */
import type { ReactNode } from "react";

export function FormPage({ submit, children }: { submit: (form: FormData) => void; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form
        className="w-full max-w-sm space-y-4 rounded-2xl border border-line bg-card p-6"
        onSubmit={(event) => {
          event.preventDefault();
          submit(new FormData(event.currentTarget));
        }}
      >
        {children}
      </form>
    </main>
  );
}
