/** Password reset: request a link by mail, and choose a new password with it. */
import { useParams } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api } from "../client/api";
import { useTitle } from "../client/hooks";
import { field, primary, quiet } from "../kit/dialog";
import { Refusal } from "../kit/fields";
import { language, rich, t } from "../language";
import { FormPage } from "./form_page";

function Frame({
  title,
  children,
  send,
}: {
  title: string;
  children: ReactNode;
  send?: (form: FormData) => Promise<void>;
}) {
  useTitle(title);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  return (
    <FormPage
      submit={(form) => {
        setBusy(true);
        setProblem("");
        send?.(form)
          .catch((error: Error) => setProblem(error.message))
          .finally(() => setBusy(false));
      }}
    >
      <h1 className="text-xl font-semibold">{title}</h1>
      <fieldset disabled={busy} className="space-y-4">
        {children}
      </fieldset>
      <Refusal reason={problem} />
    </FormPage>
  );
}

/** The form to request a link; it replaces the sign-in form. */
export function Forgotten({ byMail, back }: { byMail: boolean; back: () => void }) {
  const [address, setAsked] = useState("");
  const again = (
    <button type="button" className={`${quiet} w-full py-2.5`} onClick={back}>
      {t("Back to signing in")}
    </button>
  );
  if (!byMail)
    return (
      <Frame title={t("Forgot password?")}>
        <p>
          {rich(
            "This server sends no mail. An administrator sets another password with <code>trackway user password EMAIL</code> on the server.",
            { code: (text) => <code>{text}</code> },
          )}
        </p>
        {again}
      </Frame>
    );
  if (address)
    return (
      <Frame title={t("Check your mail")}>
        <p role="status">
          {t("If {email} has an account here, a link is on its way. It works once, within 30 minutes.", {
            email: address,
          })}
        </p>
        {again}
      </Frame>
    );
  return (
    <Frame
      title={t("Forgot password?")}
      send={async (form) => {
        const email = String(form.get("email"));
        await api.post("/password-resets", { email, language });
        setAsked(email);
      }}
    >
      <p className="text-soft">{t("You will receive a link to choose a new password.")}</p>
      <label className="block">
        {t("E-mail")}
        <input type="email" name="email" autoComplete="username" required className={field} />
      </label>
      <button type="submit" className={`${primary} w-full py-2.5`}>
        {t("Send a link")}
      </button>
      {again}
    </Frame>
  );
}

/** The page of the link. */
export function PasswordPage() {
  const { token = "" } = useParams({ strict: false });
  const [done, setDone] = useState(false);
  if (done)
    return (
      <Frame title={t("Your password has been changed")}>
        <p role="status">{t("You are signed out everywhere. Sign in with the new one.")}</p>
        <a href="/" className={`${primary} block w-full py-2.5 text-center`}>
          {t("Sign in")}
        </a>
      </Frame>
    );
  return (
    <Frame
      title={t("Choose another password")}
      send={async (form) => {
        await api.post("/password-resets/finish", { token, password: String(form.get("password")) });
        setDone(true);
      }}
    >
      <label className="block">
        {t("A password, ten characters or more")}
        <input
          type="password"
          name="password"
          required
          minLength={10}
          autoComplete="new-password"
          className={field}
        />
      </label>
      <button type="submit" className={`${primary} w-full py-2.5`}>
        {t("Change password")}
      </button>
      <a href="/" className={`${quiet} block w-full py-2.5 text-center`}>
        {t("To the start")}
      </a>
    </Frame>
  );
}
