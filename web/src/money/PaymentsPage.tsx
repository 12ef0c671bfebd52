import { Page } from "@/ui/Page";
import { useMay } from "@/api/session";
import { useTranslation } from "react-i18next";

import { Sections } from "./common";
import { BankFiles } from "./BankFiles";
import { Carried, Due, Received } from "./Due";
import { Exceptions } from "./Exceptions";
import { Payees } from "./Payees";
import { Runs } from "./Runs";

// PaymentsPage is where payments over a bank are made by two persons, and reconciled.
export function PaymentsPage() {
  const { t } = useTranslation("money");
  const may = useMay();
  return (
    <Page title={t("payments.title")} lead={t("payments.lead")}>
      <Sections
        label={t("payments.title")}
        of={[
          { id: "due", text: t("payments.due"), show: () => <Due />, absent: !may("list-due-payments") },
          { id: "runs", text: t("payments.runs"), show: () => <Runs />, absent: !may("list-payment-runs") },
          { id: "payees", text: t("payments.payees"), show: () => <Payees />, absent: !may("list-payees") },
          { id: "files", text: t("payments.files"), show: () => <BankFiles />, absent: !may("list-bank-files") },
          { id: "exceptions", text: t("payments.exceptions"), show: () => <Exceptions />, absent: !may("list-payment-exceptions") },
          { id: "received", text: t("payments.received"), show: () => <Received />, absent: !may("list-received") },
          { id: "carried", text: t("payments.carried"), show: () => <Carried />, absent: !may("list-carried") },
        ]}
      />
    </Page>
  );
}
