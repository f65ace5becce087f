import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Me, Problem, type SignInMethods } from "../client/api";
import { useTitle } from "../client/hooks";
import { Refusal } from "../kit/fields";
import { t } from "../language";
import { hasPasskeys, signInWithPasskey } from "../settings/passkeys";
import { Forgotten } from "./forgotten";
import { FormPage } from "./form_page";

const field = "mt-1 block min-h-10 w-full rounded-lg border border-line bg-ground px-3";
const other =
  "w-full rounded-lg border border-line py-2.5 font-medium hover:border-accent disabled:opacity-60";

/** Signs in by `how`; when the password needs a code too, `code` becomes true. */
function useEntering(done: (me: Me) => void) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [code, askCode] = useState(false);
  function enter(how: () => Promise<Me>) {
    setBusy(true);
    how()
      .then(done)
      .catch((error: Error) => {
        if (error instanceof Problem && error.fields.includes("code")) askCode(true);
        setProblem(error.message);
      })
      .finally(() => setBusy(false));
  }
  return { enter, problem, busy, code };
}

export function SignIn({ done }: { done: (me: Me) => void }) {
  useTitle(t("Sign in"));
  const { enter, problem, busy, code } = useEntering(done);
  const [forgotten, setForgotten] = useState(false);
  const methods = useQuery({
    queryKey: ["ways"],
    queryFn: () => api.get<SignInMethods>("/sign-in"),
    retry: false,
  });
  if (forgotten) return <Forgotten byMail={methods.data?.reset ?? false} back={() => setForgotten(false)} />;
  return (
    <FormPage
      submit={(form) =>
        enter(async () => {
          await api.post("/sign-in", Object.fromEntries(form));
          return api.me();
        })
      }
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
      {code && (
        <label className="block">
          {t("Code")}
          <input
            name="code"
            required
            // biome-ignore lint/a11y/noAutofocus: the code is the only thing left to enter
            autoFocus
            autoComplete="one-time-code"
            className={field}
          />
        </label>
      )}
      <Refusal reason={problem} />
      <button
        type="submit"
        disabled={busy}
        className="w-full rounded-lg bg-accent py-2.5 font-medium text-card disabled:opacity-60"
      >
        {busy ? t("Signing in…") : t("Sign in")}
      </button>
      {hasPasskeys() && (
        <button type="button" disabled={busy} className={other} onClick={() => enter(signInWithPasskey)}>
          {t("Sign in with a passkey")}
        </button>
      )}
      {methods.data?.provider && (
        <a href="/api/v1/sign-in/provider" className={`${other} block text-center`}>
          {t("Sign in with your organization")}
        </a>
      )}
      <button
        type="button"
        className="text-soft underline underline-offset-4 hover:text-accent"
        onClick={() => setForgotten(true)}
      >
        {t("Forgot password?")}
      </button>
      <p className="text-xs text-soft">
        {t("The first start of the server printed an e-mail address and a password.")}
      </p>
    </FormPage>
  );
}
