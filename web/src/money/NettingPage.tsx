import { Page } from "@/ui/Page";
import { useMay } from "@/api/session";
import { useTranslation } from "react-i18next";

import { Sections } from "./common";
import { Nettings } from "./Nettings";
import { Rounds } from "./Rounds";

// NettingPage is where debts are offset: with one partner, or in a round among many.
export function NettingPage() {
  const { t } = useTranslation("money");
  const may = useMay();
  return (
    <Page title={t("netting.title")} lead={t("netting.lead")}>
      <Sections
        label={t("netting.title")}
        of={[
          { id: "pairs", text: t("netting.pairs"), show: () => <Nettings />, absent: !may("list-nettings") },
          { id: "rounds", text: t("netting.rounds"), show: () => <Rounds />, absent: !may("list-rounds") },
        ]}
      />
    </Page>
  );
}
