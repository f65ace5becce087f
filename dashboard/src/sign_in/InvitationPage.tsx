/** Accepts an invitation, by its link. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, type InvitationShown } from "../client/api";
import { useTitle } from "../client/hooks";
import { field, primary } from "../kit/dialog";
import { Refusal } from "../kit/fields";
import { Failure, Skeleton } from "../kit/parts";
import { t } from "../language";
import { FormPage } from "./form_page";

export function InvitationPage() {
  const { token = "" } = useParams({ strict: false });
  const [problem, setProblem] = useState("");
  useTitle(t("Invitation"));
  const invitation = useQuery({
    queryKey: ["invitation", token],
    queryFn: () => api.get<InvitationShown>(`/invitations/${token}`),
    retry: false,
  });
  if (invitation.error) return <Failure error={invitation.error} />;
  if (invitation.data === undefined) return <Skeleton rows={4} />;
  const { email, project, role, account, known } = invitation.data;
  return (
    <FormPage
      submit={(form) => {
        const password = String(form.get("password"));
        api
          .post(`/invitations/${token}`, { password })
          .then(() => window.location.assign("/"))
          .catch((error: Error) => setProblem(error.message));
      }}
    >
      <h1 className="text-xl font-semibold">{t("You are invited to {project}", { project })}</h1>
      <p className="text-soft">
        {account
          ? t("{email} signs in for the account {account}.", { email, account })
          : t("{email} sees it as {role}.", { email, role })}
      </p>
      <label className="block">
        {known ? t("Your password") : t("A password, ten characters or more")}
        <input
          type="password"
          name="password"
          required
          minLength={known ? 1 : 10}
          autoComplete={known ? "current-password" : "new-password"}
          className={field}
        />
      </label>
      <Refusal reason={problem} />
      <button type="submit" className={`${primary} w-full py-2.5`}>
        {t("Accept")}
      </button>
    </FormPage>
  );
}
