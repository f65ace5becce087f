import { useState } from "react";
import { api, type Me } from "../api";
import { useTitle } from "../hooks";
import { rich, t } from "../language";

const field = "mt-1 block min-h-10 w-full rounded-lg border border-line bg-ground px-3";

export function SignIn({ done }: { done: (me: Me) => void }) {
  useTitle(t("Sign in"));
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form
        className="w-full max-w-sm space-y-4 rounded-2xl border border-line bg-card p-6"
        onSubmit={(event) => {
          event.preventDefault();
          const given = new FormData(event.currentTarget);
          setBusy(true);
          api
            .signIn(String(given.get("email")), String(given.get("password")))
            .then(done)
            .catch((error: Error) => setProblem(error.message))
            .finally(() => setBusy(false));
        }}
      >
        <div>
          <h1 className="text-xl font-semibold">Trackway</h1>
          <p className="text-soft">{t("Sign in to see your numbers.")}</p>
        </div>
        <label className="block">
          {t("E-mail")}
          <input type="email" name="email" autoComplete="username" required className={field} />
        </label>
        <label className="block">
          {t("Password")}
          <input type="password" name="password" autoComplete="current-password" required className={field} />
        </label>
        <p role="alert" className="text-bad empty:hidden">
          {problem}
        </p>
        <button
          type="submit"
          disabled={busy}
          className="w-full rounded-lg bg-accent py-2.5 font-medium text-card disabled:opacity-60"
        >
          {busy ? t("Signing in…") : t("Sign in")}
        </button>
        <p className="text-xs text-soft">
          {rich(
            "The first start of the server printed an address and a password. Lost them? <code>trackway user password EMAIL</code> sets another one.",
            { code: (text) => <code>{text}</code> },
          )}
        </p>
      </form>
    </main>
  );
}
